//! Data keys that Kroxylicious had the same server wrap.

use proxy_crypto::{KeyProvider, KroxyliciousV2, LegacySource, ProviderError};
use reqwest::Method;
use serde_json::json;
use tests::legacy::{kroxylicious_v2, vault_edek};

use super::{BASE64, Bao, Engine as _, context};
use crate::predecessor::Left;

/// A data key under the key `a`, in clear and in Transit's words. Kroxylicious asks for one so.
async fn data_key(bao: &Bao) -> (Vec<u8>, String) {
    let made = bao.server.call(Method::POST, "transit/datakey/plaintext/a", json!({"bits": 256})).await;
    let text = made["data"]["ciphertext"].as_str().unwrap().to_owned();
    (BASE64.decode(made["data"]["plaintext"].as_str().unwrap()).unwrap(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_kroxylicious_opens_and_its_data_key_is_none_of_ours() {
    let bao = Bao::start().await;
    for key in ["a", "b"] {
        bao.server.make_key(key).await;
    }
    let (data_key, text) = data_key(&bao).await;
    let edek = vault_edek("a", &text);
    let stored = kroxylicious_v2(&data_key, &edek, b"an order");

    // Its binding is that of our own data keys, to which Kroxylicious' are not bound.
    let vault = bao.with(|_| {});
    let legacy = vault.legacy().unwrap();
    let record = KroxyliciousV2::parse(Some(&[2]), Some(&stored)).unwrap();
    assert_eq!(legacy.named_key(record.edek()).unwrap().as_str(), "a");
    let key = legacy.legacy_key(&context("a"), LegacySource::Edek(record.edek())).await.unwrap();
    let mut value = Vec::new();
    record.open(&key, &mut value).unwrap();
    assert_eq!(value, b"an order");

    let corrupt = |error: ProviderError| matches!(error, ProviderError::Corrupt { .. });
    assert!(corrupt(vault.unwrap(&context("a"), &edek).await.unwrap_err()));
    let (_, ours) = vault.generate(&context("a")).await.unwrap();
    let ask = async |key: &str, edek: &[u8]| legacy.legacy_key(&context(key), LegacySource::Edek(edek)).await;
    assert!(corrupt(ask("a", ours.as_bytes()).await.unwrap_err()));
    assert!(corrupt(ask("a", &vault_edek("a", "not Transit's")).await.unwrap_err()));
    assert!(corrupt(ask("b", &vault_edek("b", &text)).await.unwrap_err()), "it was wrapped by another key");
    assert!(ask("missing", &vault_edek("missing", &text)).await.unwrap_err().is_gone());
    let stored = legacy.legacy_key(&context("a"), LegacySource::Stored("a")).await.unwrap_err();
    assert!(matches!(stored, ProviderError::Refused { .. }), "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_reads_records_of_kroxylicious_through_a_proxy() {
    let bao = Bao::start().await;
    for key in ["a", "b"] {
        bao.server.make_key(key).await;
    }
    let (data_key, text) = data_key(&bao).await;
    let left = Left {
        provider: json!({"vault": {
            "address": format!("https://localhost:{}", bao.faults.port()),
            "auth": {"tokenFile": bao.folder.join("token")},
            "tls": {"caFile": bao.server.authority()},
        }}),
        key: "a".to_owned(),
        own: "b",
        stored: kroxylicious_v2(&data_key, &vault_edek("a", &text), b"an order"),
        clear: "an order",
    };
    left.reads_through_a_proxy("vault-legacy").await;
}
