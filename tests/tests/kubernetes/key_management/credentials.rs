//! What proxies log in with lies in a Secret, and is replaced there while they run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually_ok;
use tests::kubernetes::{OpenBao, Stage};

use super::parties::{CLIENT, Parties};

const SECRET: &str = "refunds-token";
/// The kubelet writes a Secret to files within 90 s; then proxies look at their keys within 20 s.
const PATIENCE: Duration = Duration::from_mins(4);
const PROXIES: usize = 2;

/// A token for the key `refunds` alone, in a Secret for the proxies.
pub(super) async fn make(platform: &Stage, bao: &OpenBao) -> String {
    let set_up = "bao write -f transit/keys/refunds
        bao policy write refunds-proxies - <<'POLICY'
        path \"transit/datakey/plaintext/refunds\" { capabilities = [\"update\"] }
        path \"transit/decrypt/refunds\"           { capabilities = [\"update\"] }
POLICY";
    bao.typed(set_up).await;
    let first = token(bao, "first").await;
    let file = platform.file("token", &first);
    let file = format!("--from-file=token={}", file.display());
    platform.kubectl(&["create", "secret", "generic", SECRET, &file]).await;
    first
}

async fn token(bao: &OpenBao, name: &str) -> String {
    let create = "bao token create -policy=refunds-proxies -field=token -display-name";
    bao.typed(&format!("{create}={name}")).await.trim().to_owned()
}

/// The fleet is ready, and both its keys are in use: the operator, which may read none of what the proxies log in with, did
/// without.
pub(super) async fn are_not_the_operators(Parties { platform, operators, .. }: &Parties) {
    let operator = operators.operator_account().await;
    let secret = async |name: &str| {
        operator.kubectl(&["-n", platform.namespace(), "get", "secret", name, "-o", "name"]).await
    };
    secret("my-cluster-cluster-ca-cert")
        .await
        .unwrap_or_else(|failed| panic!("it may read Kafka's: {failed}"));
    let refused = secret(SECRET).await.expect_err("it may not read the proxies' token");
    assert!(refused.is_forbidden(), "{refused}");
    for verb in ["list", "watch", "delete"] {
        assert!(!operator.may(platform.namespace(), verb, "secrets").await, "it may {verb} Secrets");
    }
    assert!(!operator.may(platform.namespace(), "create", "serviceaccounts/token").await);
    for place in ["openbao", "duty-payments"] {
        assert!(!operator.may(place, "get", "secrets").await, "it may read Secrets in {place}");
    }
    let log = operators.operator_log().await;
    // Of other namespaces it may look at fleets that are nobody's, when other tests end.
    let (of_a_fleet, of_this) = ("\"kafka\":\"", format!("\"kafka\":\"{}/", platform.namespace()));
    let refused: Vec<_> = log
        .lines()
        .filter(|line| !line.contains(of_a_fleet) || line.contains(&of_this))
        .filter(|line| line.to_lowercase().contains("forbidden"))
        .collect();
    assert!(refused.is_empty(), "it tried to do more: {refused:#?}");
}

pub(super) async fn are_replaced(parties: &Parties) {
    let Parties { platform, data, bao, first_token, .. } = parties;
    let fleet = platform.fleet().await;
    let mut topic = platform.topic_of(CLIENT, "refunds.orders").await;
    topic.write().await;
    assert_eq!(served(bao, "token-second").await, BTreeMap::new());
    let second = token(bao, "second").await;
    platform.patch("secret", SECRET, json!({"stringData": {"token": second}})).await;
    let shown = async || {
        let served = served(bao, "token-second").await;
        if served.len() == PROXIES { Ok(served) } else { Err(format!("{served:?}")) }
    };
    let before = eventually_ok("every proxy shows the next token", PATIENCE, shown).await;

    bao.typed(&format!("bao token revoke {first_token}")).await;
    topic.write().await;
    topic.assert_intact().await;
    let goes_on = async || {
        let now = served(bao, "token-second").await;
        if before.iter().all(|(proxy, calls)| now[proxy] > *calls) { Ok(()) } else { Err(format!("{now:?}")) }
    };
    eventually_ok("every proxy goes on to use its key", PATIENCE, goes_on).await;
    let ready = data.await_condition("tep", "refunds", "KeysReady", |keys| keys.status == "True").await;
    assert_eq!(ready.reason, "KeysReady");
    let is_denied =
        |entry: &&Value| is_of_refunds(entry) && entry["error"].to_string().contains("permission denied");
    assert_eq!(bao.audit().await.iter().find(is_denied), None, "the key was never without a token");
    assert_eq!(platform.fleet().await, fleet, "no proxy was started anew");
}

fn is_of_refunds(entry: &Value) -> bool {
    entry["request"]["path"].as_str().is_some_and(|path| path.ends_with("/refunds"))
}

/// How many calls by the token of this name were allowed, for each address that they came from.
async fn served(bao: &OpenBao, name: &str) -> BTreeMap<String, usize> {
    let mut served = BTreeMap::new();
    for entry in bao.audit().await {
        if is_of_refunds(&entry) && entry["auth"]["display_name"] == name && entry["error"].is_null() {
            let from = entry["request"]["remote_address"].as_str().unwrap().to_owned();
            *served.entry(from).or_default() += 1;
        }
    }
    served
}
