//! Logins with a token of a `ServiceAccount`, about which the server asks the cluster.

use std::fs;
use std::time::{Duration, SystemTime};

use proxy_crypto::{KeyProvider, ProviderError};
use rcgen::KeyPair;
use reqwest::Method;
use serde_json::json;
use tests::kms::TokenReviews;

use super::jwt::signed_with;
use super::{Bao, Login, context};

const ACCOUNT: &str = "my-cluster-encryption";
const ID: &str = "8d8a7a3e-0b8d-452f-aac3-f9e1f95e7411";

/// The method `kubernetes`, whose role takes tokens of one `ServiceAccount` for the audience `vault`.
async fn enable(bao: &Bao, cluster: &TokenReviews) {
    let post = async |path: &str, body| bao.server.call(Method::POST, path, body).await;
    post("sys/auth/kubernetes", json!({"type": "kubernetes"})).await;
    let config = json!({
        "kubernetes_host": format!("https://localhost:{}", cluster.address().port()),
        "kubernetes_ca_cert": fs::read_to_string(bao.server.authority()).unwrap(),
        "token_reviewer_jwt": TokenReviews::REVIEWER,
        "disable_local_ca_jwt": true,
    });
    post("auth/kubernetes/config", config).await;
    let role = json!({
        "bound_service_account_names": ACCOUNT,
        "bound_service_account_namespaces": "kafka",
        "audience": "vault",
        "token_policies": ["proxy"],
        "token_ttl": "1h",
    });
    post("auth/kubernetes/role/topic-encryption", role).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_accounts_token_logs_in_for_its_audience_alone_and_while_the_cluster_knows_it() {
    let bao = Bao::start().await;
    bao.server.make_key("a").await;
    let cluster = TokenReviews::start(bao.server.identity()).await;
    enable(&bao, &cluster).await;
    let key = KeyPair::generate().unwrap();
    let end = SystemTime::now() + Duration::from_mins(10);
    let token = |account: &str, audience: &str, known: bool| {
        let user = format!("system:serviceaccount:kafka:{account}");
        let of = json!({"namespace": "kafka", "serviceaccount": {"name": account, "uid": ID}});
        let token = signed_with(&key, &user, audience, end, json!({"kubernetes.io": of, "known": known}));
        if known {
            cluster.know(&token, &user, ID, audience);
        }
        token
    };
    let path = bao.file("token", "");
    let login = Login::Jwt {
        mount: "kubernetes".to_owned(),
        role: "topic-encryption".to_owned(),
        token: path.clone(),
    };
    let vault = bao.with(|settings| settings.login = login);
    for (said, token) in [
        ("audience", token(ACCOUNT, "https://kubernetes.default.svc", true)),
        ("name not authorized", token("default", "vault", true)),
        ("permission denied", token(ACCOUNT, "vault", false)),
    ] {
        fs::write(&path, &token).unwrap();
        vault.reload();
        let error = vault.generate(&context("a")).await.map(drop).unwrap_err();
        assert!(matches!(error, ProviderError::Refused { .. }), "{said}: {error}");
        let cause = error.cause();
        assert!(cause.starts_with("failed to log in: ") && cause.contains(said), "{said}: {error}");
        assert!(!cause.contains(&token), "{said}: the message shows the token");
    }
    fs::write(&path, token(ACCOUNT, "vault", true)).unwrap();
    assert_eq!(vault.reload(), (true, None));
    let (dek, wrapped) = vault.generate(&context("a")).await.unwrap();
    assert!(vault.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
}
