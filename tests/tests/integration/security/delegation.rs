//! The life of a delegation token, managed through the proxy by Kafka's own tool: brokers do what its owner may, and no one else.

use std::process::Stdio;
use std::time::Duration;

use tests::{Client, ProduceOptions, Rig, Scratch, SentRecord, eventually_ok};
use tokio::process::Command;
use tokio::time::timeout;

use super::PATIENCE;
use super::mechanisms::{Stage, base64};

const LIMIT: Duration = Duration::from_mins(1);
/// Much less than the day after which brokers have tokens expire, for the tool tells dates by the minute.
const AN_HOUR_IN_MS: &str = "3600000";

/// A row of the tool's table.
#[derive(Debug)]
struct Row {
    owner: String,
    requester: String,
    expires: String,
}

/// A user of the tool, at the proxy.
struct User {
    bootstrap: String,
    folder: Scratch,
}

impl User {
    /// Whoever is logged in by these properties.
    fn of(stage: &Stage, login: &[(String, String)]) -> Self {
        let folder = Scratch::new("delegation");
        let lines: Vec<String> = login.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        std::fs::write(folder.join("client.properties"), lines.concat()).unwrap();
        Self { bootstrap: stage.bootstrap(), folder }
    }

    fn alice(stage: &Stage) -> Self {
        Self::of(stage, &Client::Java.sasl("SCRAM-SHA-256", "alice", "alice-secret", None))
    }

    /// What the tool prints for these words.
    async fn says(&self, words: &[&str]) -> Result<String, String> {
        let properties = self.folder.join("client.properties");
        let at = ["--bootstrap-server", &self.bootstrap, "--command-config", properties.to_str().unwrap()];
        tool("kafka-delegation-tokens", &[&at[..], words].concat()).await
    }

    /// The token as the broker has it, once it has what this wants.
    async fn described(&self, id: &str, what: &str, is_wanted: impl Fn(&Row) -> bool) -> Row {
        let look = async || {
            let said = self.says(&["--describe", "--owner-principal", "User:alice"]).await?;
            row(&said, id).filter(&is_wanted).ok_or(said)
        };
        eventually_ok(what, PATIENCE, look).await
    }
}

/// What one of Kafka's tools prints, or all that it says where it fails.
pub(super) async fn tool(name: &str, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(Rig::ready().await.part("KAFKA_TOOL"));
    command.arg(name).args(words).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(LIMIT, command.output()).await.expect("the tool ends in time").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(said + &errors) }
}

/// Id, HMAC, owner, requester and renewers, then when it was issued, expires, and expires at the latest.
fn row(said: &str, id: &str) -> Option<Row> {
    said.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [token, _, owner, requester, _, _, expires, _] if token == id => Some(Row {
            owner: owner.to_owned(),
            requester: requester.to_owned(),
            expires: expires.to_owned(),
        }),
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_made_through_the_proxy_is_described_as_of_the_client() {
    let stage = Stage::shared().await;
    let alice = User::alice(stage);
    let said = alice.says(&["--create", "--max-life-time-period", "-1"]).await.unwrap();
    let made = said.lines().find_map(|line| line.strip_prefix("Created delegation token with tokenId : "));
    let id = made.unwrap_or_else(|| panic!("no token was made: {said}")).trim();
    let described = alice.described(id, "the token is described", |_| true).await;
    assert_eq!((&*described.owner, &*described.requester), ("User:alice", "User:alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_its_owner_renews_expires_at_another_time() {
    let stage = Stage::shared().await;
    let (alice, token) = (User::alice(stage), stage.token_of_alice().await);
    let (id, hmac) = (token.token_id.as_str(), base64(&token.hmac));
    let before = alice.described(id, "the token is described", |_| true).await;
    let renew = ["--renew", "--renew-time-period", AN_HOUR_IN_MS, "--hmac", &hmac];
    let said = alice.says(&renew).await.unwrap();
    let told = said.rsplit(' ').next().map(str::trim).unwrap_or_default();
    assert_ne!(told, before.expires, "{said}");
    alice.described(id, "it expires when the tool said", |row| row.expires == told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_its_owner_expires_logs_nobody_in_any_more() {
    let stage = Stage::shared().await;
    let (alice, token) = (User::alice(stage), stage.token_of_alice().await);
    let (id, hmac) = (token.token_id.as_str(), base64(&token.hmac));
    alice.described(id, "the token is described", |_| true).await;
    let topic = stage.of_alice("expired-token").await;
    let by_token =
        ProduceOptions::to(stage.bootstrap(), &topic).properties(&Client::delegation_token(id, &hmac));
    let by_token = by_token.timeout(PATIENCE / 3);
    let sent = [SentRecord::of("by a token").partition(0)];
    Client::Java.produce_all(&by_token, &sent).await;

    alice.says(&["--expire", "--expiry-time-period", "-1", "--hmac", &hmac]).await.unwrap();
    let refused = async || match Client::Java.produce(&by_token, &sent).await.remove(0) {
        Err(error) if error == "SASL_AUTHENTICATION_FAILED" => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the client hears that it is not authenticated", PATIENCE, refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_user_cannot_be_renewed() {
    let stage = Stage::shared().await;
    let token = stage.token_of_alice().await;
    let (bob, hmac) = (User::of(stage, &Client::Java.oauth_bearer("bob")), base64(&token.hmac));
    let renew = ["--renew", "--renew-time-period", AN_HOUR_IN_MS, "--hmac", &hmac];
    let refused = bob.says(&renew).await.unwrap_err();
    assert!(refused.contains("DelegationTokenOwnerMismatchException"), "{refused}");
}
