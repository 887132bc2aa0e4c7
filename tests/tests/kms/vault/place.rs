//! Where the engine is, and whom the server lets in at all.

use std::fs;

use proxy_crypto::{KeyProvider, ProviderError};
use reqwest::Method;
use serde_json::json;
use tests::kms::OpenBao;
use tests::{Certificates, Identity};

use super::{Bao, context};

/// Conformance: TE-12.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_is_found_in_its_namespace_and_at_its_path_and_nowhere_else() {
    let bao = Bao::start().await;
    let post = async |path: &str, body| bao.server.call(Method::POST, path, body).await;
    post("sys/namespaces/team", json!({})).await;
    post("team/sys/mounts/keys/transit", json!({"type": "transit"})).await;
    post("team/keys/transit/keys/a", json!({"type": "aes256-gcm96"})).await;
    let rule = |path: &str| format!("path \"keys/transit/{path}/a\" {{ capabilities = [\"update\"] }}\n");
    let policy = rule("datakey/plaintext") + &rule("decrypt");
    post("team/sys/policies/acl/proxy", json!({"policy": policy})).await;
    let answer = post("team/auth/token/create", json!({"policies": ["proxy"], "ttl": "1h"})).await;
    let token = bao.file("team-token", answer["auth"]["client_token"].as_str().unwrap());

    let at = |namespace: Option<&str>, mount: &str| {
        bao.with(|settings| {
            settings.namespace = namespace.map(str::to_owned);
            mount.clone_into(&mut settings.mount);
            settings.login = super::Login::TokenFile(token.clone());
        })
    };
    let vault = at(Some("team"), "keys/transit");
    let (dek, wrapped) = vault.generate(&context("a")).await.unwrap();
    assert!(vault.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    let served = bao
        .server
        .audit()
        .into_iter()
        .filter(|entry| entry["error"].is_null() && entry["request"]["namespace"]["path"] == "team/");
    let paths: Vec<_> = served.map(|entry| entry["request"]["path"].to_string()).collect();
    assert!(paths.iter().any(|path| path.contains("keys/transit/datakey/plaintext/a")), "{paths:?}");

    for (namespace, mount) in
        [(None, "keys/transit"), (Some("team"), "transit"), (Some("another"), "keys/transit")]
    {
        let error = at(namespace, mount).generate(&context("a")).await.map(drop).unwrap_err();
        assert!(matches!(error, ProviderError::Refused { .. }), "{namespace:?} {mount}: {error}");
    }
}

/// Conformance: TE-12.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_certificates_serves_who_shows_one_of_its_own() {
    let bao = Bao::before(OpenBao::start_for_known_clients().await).await;
    bao.server.make_key("a").await;
    let unavailable = async |vault: &super::Vault| {
        let error = vault.generate(&context("a")).await.map(drop).unwrap_err();
        // How it is told depends on which comes first, the alert or the end of the connection.
        assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
    };
    unavailable(&bao.with(|_| {})).await;

    let files = [bao.folder.join("tls.crt"), bao.folder.join("tls.key")];
    let put = |identity: &Identity| {
        fs::copy(&identity.certificate, &files[0]).unwrap();
        fs::copy(&identity.key, &files[1]).unwrap();
    };
    let elsewhere = Certificates::new();
    put(&elsewhere.client("proxy", "proxy"));
    let vault = bao.with(|settings| settings.tls.identity = Some(files.clone().into()));
    unavailable(&vault).await;

    put(&bao.server.client("proxy"));
    assert_eq!(vault.reload(), (true, None));
    let (dek, wrapped) = vault.generate(&context("a")).await.unwrap();
    assert!(vault.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
}
