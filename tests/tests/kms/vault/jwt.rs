//! Logins with a token that a platform signed, which the server checks with the platform's public key alone.

use std::fs;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proxy_crypto::{KeyProvider, ProviderError};
use rcgen::KeyPair;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Bao, Engine as _, HOUR, Login, context};

const SUBJECT: &str = "system:serviceaccount:kafka:my-cluster-encryption";
const AUDIENCE: &str = "vault";

/// A token of the platform that has this key.
fn signed(platform: &KeyPair, subject: &str, audience: &str, end: SystemTime) -> String {
    signed_with(platform, subject, audience, end, json!({}))
}

/// The same, with more claims.
pub(super) fn signed_with(
    platform: &KeyPair,
    subject: &str,
    audience: &str,
    end: SystemTime,
    mut claims: Value,
) -> String {
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    for (name, claim) in [
        ("iss", json!("https://kubernetes.default.svc")),
        ("sub", json!(subject)),
        ("aud", json!([audience])),
        ("iat", json!(seconds(end - HOUR))),
        ("exp", json!(seconds(end))),
    ] {
        claims[name] = claim;
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "ES256", "typ": "JWT"})), part(&claims));
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &platform.serialize_der()).unwrap();
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// The method `jwt` at a path of its own, which takes the tokens of one subject for one audience.
async fn enable(bao: &Bao, platform: &KeyPair) {
    let post = async |path: &str, body| bao.server.call(Method::POST, path, body).await;
    post("sys/auth/clusters/one", json!({"type": "jwt"})).await;
    let config =
        json!({"jwt_validation_pubkeys": [platform.public_key_pem()], "jwt_supported_algs": ["ES256"]});
    post("auth/clusters/one/config", config).await;
    let role = json!({
        "role_type": "jwt",
        "user_claim": "sub",
        "bound_subject": SUBJECT,
        "bound_audiences": [AUDIENCE],
        "token_policies": ["proxy"],
        "token_ttl": "1h",
    });
    post("auth/clusters/one/role/topic-encryption", role).await;
}

/// Conformance: TE-12.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_token_logs_in_while_it_is_the_platforms_for_this_subject_and_audience() {
    let bao = Bao::start().await;
    bao.server.make_key("a").await;
    let (platform, another) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    enable(&bao, &platform).await;
    let now = SystemTime::now();
    let soon = now + Duration::from_mins(10);
    let good = signed(&platform, SUBJECT, AUDIENCE, soon);

    let path = bao.file("jwt", "");
    let login = Login::Jwt {
        mount: "clusters/one".to_owned(),
        role: "topic-encryption".to_owned(),
        token: path.clone(),
    };
    let vault = bao.with(|settings| settings.login = login.clone());
    for (said, token) in [
        ("audience", signed(&platform, SUBJECT, "https://kubernetes.default.svc", soon)),
        ("subject", signed(&platform, "system:serviceaccount:kafka:default", AUDIENCE, soon)),
        ("signature", signed(&another, SUBJECT, AUDIENCE, soon)),
        ("expired", signed(&platform, SUBJECT, AUDIENCE, now - HOUR)),
    ] {
        fs::write(&path, &token).unwrap();
        vault.reload();
        let error = vault.generate(&context("a")).await.map(drop).unwrap_err();
        assert!(matches!(error, ProviderError::Refused { .. }), "{said}: {error}");
        let cause = error.cause();
        assert!(cause.starts_with("failed to log in: ") && cause.contains(said), "{said}: {error}");
        assert!(!cause.contains(&token), "{said}: the message shows the token");
    }

    // As the kubelet replaces it.
    fs::write(&path, format!("{good}\n")).unwrap();
    assert_eq!(vault.reload(), (true, None));
    let (dek, wrapped) = vault.generate(&context("a")).await.unwrap();
    assert!(vault.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
}
