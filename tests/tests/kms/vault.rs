//! The provider `vault`, against OpenBao over TLS.

mod jwt;
mod kubernetes;
mod legacy;
mod place;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{KeyProvider, ProviderError};
use proxy_kms::{Binding, Login, TlsFiles, Vault, VaultSettings};
use reqwest::Method;
use serde_json::{Value, json};
use tests::kms::{Faults, OpenBao};
use tests::{Certificates, Scratch};

use super::contract::{self, context, provider_name};
use super::system::System;
use super::table;

const HOUR: Duration = Duration::from_hours(1);
const KEYS: [&str; 4] = ["a", "b", "missing", "way"];
/// Those of proxies, and what wraps a data key again.
const OPERATIONS: [&str; 3] = ["datakey/plaintext", "decrypt", "encrypt"];

struct Bao {
    server: OpenBao,
    faults: Faults,
    folder: Scratch,
    token: String,
}

impl Bao {
    async fn start() -> Self {
        Self::before(OpenBao::start().await).await
    }

    async fn before(server: OpenBao) -> Self {
        let faults = Faults::before(server.address(), server.identity()).await;
        server.allow_operations("proxy", &KEYS, &OPERATIONS).await;
        let token = server.token("proxy", HOUR).await;
        let folder = Scratch::new("vault");
        fs::write(folder.join("token"), format!("{token}\n")).unwrap();
        Self { server, faults, folder, token }
    }

    fn settings(&self) -> VaultSettings {
        VaultSettings {
            address: format!("https://localhost:{}", self.faults.port()).parse().unwrap(),
            namespace: None,
            mount: "transit".to_owned(),
            binding: Binding::AssociatedData,
            login: Login::TokenFile(self.folder.join("token")),
            tls: TlsFiles { ca: Some(self.server.authority()), identity: None },
        }
    }

    fn with(&self, change: impl FnOnce(&mut VaultSettings)) -> Vault {
        let mut settings = self.settings();
        change(&mut settings);
        Vault::new(provider_name(), settings)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A role of an application whose tokens live so long, and the file of its secret id.
    async fn app_role(&self, life: &str) -> (Login, PathBuf) {
        self.server.call(Method::POST, "sys/auth/approle", json!({"type": "approle"})).await;
        let role = json!({"token_policies": ["proxy"], "token_ttl": life, "token_max_ttl": life});
        self.server.call(Method::POST, "auth/approle/role/proxy", role).await;
        let id = self.server.call(Method::GET, "auth/approle/role/proxy/role-id", Value::Null).await;
        let secret = self.server.call(Method::POST, "auth/approle/role/proxy/secret-id", json!({})).await;
        let role_id = self.file("role-id", id["data"]["role_id"].as_str().unwrap());
        let secret_id = self.file("secret-id", secret["data"]["secret_id"].as_str().unwrap());
        (Login::AppRole { mount: "approle".to_owned(), role_id, secret_id: secret_id.clone() }, secret_id)
    }
}

#[async_trait]
impl System for Bao {
    fn name(&self) -> &'static str {
        "vault"
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn provider(&self) -> Arc<dyn KeyProvider> {
        Arc::new(self.with(|_| {}))
    }

    fn distrustful(&self) -> Arc<dyn KeyProvider> {
        let others = Certificates::new();
        let authority = self.file("other-ca.crt", &fs::read_to_string(others.authority()).unwrap());
        Arc::new(self.with(|settings| settings.tls.ca = Some(authority)))
    }

    fn says(&self, case: &str) -> &'static str {
        match case {
            "another key" | "another cluster's context" => "authentication failed",
            "no such key" | "deleted" => "no such key",
            "disabled" => "this version of the key is disabled",
            "denied" => "the server denies it (403)",
            "throttled" => "the server limits its calls (429)",
            _ => unreachable!("{case} has no message"),
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.token.clone()]
    }

    async fn make_key(&self, key: &str) {
        self.server.make_key(key).await;
    }

    async fn rotate(&self, key: &str) {
        self.server.rotate(key).await;
    }

    async fn disable(&self, key: &str) {
        self.server.rotate(key).await;
        self.server.configure(key, json!({"min_decryption_version": 3})).await;
    }

    async fn enable(&self, key: &str) {
        self.server.configure(key, json!({"min_decryption_version": 1})).await;
    }

    async fn delete(&self, key: &str) {
        self.server.delete(key).await;
    }

    async fn deny(&self, key: &str) {
        let left: Vec<_> = KEYS.into_iter().filter(|name| *name != key).collect();
        self.server.allow_operations("proxy", &left, &OPERATIONS).await;
    }

    async fn throttle(&self) {
        let quota = json!({"path": "transit/", "rate": 1, "interval": "60s"});
        self.server.call(Method::POST, "sys/quotas/rate-limit/contract", quota).await;
    }

    async fn unthrottle(&self) {
        self.server.call(Method::DELETE, "sys/quotas/rate-limit/contract", Value::Null).await;
    }
}

/// Conformance: P17-18, P17-25, TE-12, TE-27, TE-B11.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    let held = contract::holds(&Bao::start().await).await;
    table::is_current("vault", &held);
}

/// As at a node that has not seen a rotation yet, or a server that was restored from a snapshot of before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_server_has_not_yet_is_no_damage() {
    let bao = Bao::start().await;
    bao.server.make_key("a").await;
    bao.server.configure("a", json!({"exportable": true, "allow_plaintext_backup": true})).await;
    let backup = async || {
        let answer = bao.server.call(Method::GET, "transit/backup/a", Value::Null).await;
        answer["data"]["backup"].as_str().unwrap().to_owned()
    };
    let restore = async |backup: &str| {
        let body = json!({"backup": backup, "force": true});
        bao.server.call(Method::POST, "transit/restore/a", body).await;
    };
    let before = backup().await;
    bao.server.rotate("a").await;
    let vault = bao.with(|_| {});
    let (dek, wrapped) = vault.generate(&context("a")).await.unwrap();
    let after = backup().await;
    restore(&before).await;
    let error = vault.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
    assert!(error.cause().contains("version is too new"), "{error}");
    restore(&after).await;
    assert!(vault.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_can_be_derived_for_each_context_instead() {
    let bao = Bao::start().await;
    bao.server.make_derived_key("a").await;
    let vault = bao.with(|settings| settings.binding = Binding::DerivedKey);
    let (dek, wrapped) = vault.generate(&context("a")).await.unwrap();
    // What says how a data key is bound travels with it.
    let otherwise = bao.with(|_| {});
    assert!(otherwise.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    let mut unbound = wrapped.as_bytes().to_vec();
    unbound[0] = 0;
    assert!(vault.unwrap(&context("a"), &unbound).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_ignores_its_context_is_refused_unless_that_is_allowed() {
    let bao = Bao::start().await;
    bao.server.make_key("a").await;
    let derived = bao.with(|settings| settings.binding = Binding::DerivedKey);
    let Err(ProviderError::Refused { cause, .. }) = derived.generate(&context("a")).await else {
        panic!("data keys that unwrap anywhere are refused");
    };
    assert!(cause.contains("derived=true"), "{cause}");
    let unbound = bao.with(|settings| settings.binding = Binding::None);
    let (dek, wrapped) = unbound.generate(&context("a")).await.unwrap();
    assert!(unbound.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    let strict = bao.with(|_| {}).unwrap(&context("a"), wrapped.as_bytes()).await;
    assert!(matches!(strict, Err(ProviderError::Corrupt { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_takes_nothing_from_a_token_that_has_not_ended() {
    let bao = Bao::start().await;
    bao.server.make_key("a").await;
    let (login, secret_id) = bao.app_role("60s").await;
    let vault = bao.with(|settings| settings.login = login);
    vault.generate(&context("a")).await.unwrap();
    fs::write(&secret_id, "no-such-id").unwrap();
    assert_eq!(vault.reload(), (true, None));
    vault.generate(&context("a")).await.unwrap();
    let tried = bao.server.audit().iter().any(|entry| !entry["error"].is_null());
    assert!(tried, "the new credentials were tried");
}

/// Conformance: TE-12.
#[tokio::test(flavor = "multi_thread")]
async fn applications_log_in_and_do_so_again_before_their_token_ends() {
    let bao = Bao::start().await;
    bao.server.make_key("a").await;
    let (login, secret_id) = bao.app_role("3s").await;
    let vault = bao.with(|settings| settings.login = login);
    let end = tokio::time::Instant::now() + Duration::from_secs(5);
    while tokio::time::Instant::now() < end {
        vault.generate(&context("a")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let denied =
        |entry: &&Value| entry["error"].as_str().is_some_and(|error| error.contains("permission denied"));
    assert_eq!(
        bao.server.audit().iter().filter(denied).count(),
        0,
        "no call was made with a token that had ended"
    );

    // A secret id that is withdrawn ends it with the next login; a new one in the file brings it back.
    let accessor = json!({"secret_id": fs::read_to_string(&secret_id).unwrap()});
    bao.server.call(Method::POST, "auth/approle/role/proxy/secret-id/destroy", accessor).await;
    let refused = tests::eventually_ok("the login is refused", Duration::from_secs(10), async || match vault
        .generate(&context("a"))
        .await
    {
        Err(ProviderError::Refused { cause, .. }) => Ok(cause),
        other => Err(format!("{:?}", other.map(drop))),
    });
    assert!(refused.await.starts_with("failed to log in: "));
    let secret = bao.server.call(Method::POST, "auth/approle/role/proxy/secret-id", json!({})).await;
    fs::write(&secret_id, secret["data"]["secret_id"].as_str().unwrap()).unwrap();
    assert_eq!(vault.reload(), (true, None));
    vault.generate(&context("a")).await.unwrap();
}

/// The server does not tell a token that has ended from one without rights, so a denial counts only after a fresh login.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_server_revoked_is_replaced_by_one_login() {
    let bao = Bao::start().await;
    bao.server.make_key("a").await;
    let (login, _) = bao.app_role("1h").await;
    let vault = bao.with(|settings| settings.login = login);
    vault.generate(&context("a")).await.unwrap();
    let logins = || {
        let audit = bao.server.audit();
        audit.iter().filter(|entry| entry["request"]["path"] == "auth/approle/login").count()
    };
    assert_eq!(logins(), 1);
    bao.server.call(Method::POST, "sys/leases/revoke-prefix/auth/approle", Value::Null).await;
    // Within two seconds of a login its token counts as fresh, and a denial as one.
    let served = async || vault.generate(&context("a")).await;
    tests::eventually_ok("the token is replaced", Duration::from_secs(10), served).await;
    assert_eq!(logins(), 2);
    vault.generate(&context("a")).await.unwrap();
    assert_eq!(logins(), 2, "the new token serves on");
}

/// Conformance: TE-12.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_file_is_renewed_and_followed() {
    let bao = Bao::start().await;
    bao.server.make_key("a").await;
    let token = bao.file("short", &bao.server.token("proxy", Duration::from_secs(3)).await);
    let vault = bao.with(|settings| settings.login = Login::TokenFile(token.clone()));
    let end = tokio::time::Instant::now() + Duration::from_secs(6);
    while tokio::time::Instant::now() < end {
        vault.generate(&context("a")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let revoked = fs::read_to_string(&token).unwrap();
    bao.server.revoke(&revoked).await;
    assert!(matches!(vault.generate(&context("a")).await, Err(ProviderError::Refused { .. })));
    fs::write(&token, bao.server.token("proxy", HOUR).await).unwrap();
    vault.reload();
    vault.generate(&context("a")).await.unwrap();
}
