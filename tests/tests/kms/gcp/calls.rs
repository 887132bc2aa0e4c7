//! What is sent, and which keys and versions.

use proxy_crypto::{KeyName, KmsContext, ProviderError};
use serde_json::{Value, json};
use tests::kms::{HttpAnswer, HttpRequest};

use super::super::contract::context;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_by_short_and_by_full_names() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    let provider = cloud.provider();
    let full = format!("{}/cryptoKeys/a", Gcp::KEY_RING);
    for name in ["a", &full] {
        let context = KmsContext { key: KeyName::new(name).unwrap(), ..context("a") };
        let (dek, wrapped) = provider.generate(&context).await.unwrap();
        assert!(provider.unwrap(&context, wrapped.as_bytes()).await.unwrap().same_as(&dek), "{name}");
    }
    // The names are two contexts, although the key is one.
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    let context = KmsContext { key: KeyName::new(full.as_str()).unwrap(), ..context("a") };
    let answer = provider.unwrap(&context, wrapped.as_bytes()).await.map(drop);
    assert!(matches!(answer, Err(ProviderError::Corrupt { .. })), "{answer:?}");

    cloud.gcp.take_requests();
    // Whoever writes to a broker can name a key of their own that everybody may use.
    let foreign = full.replace("payments-1", "somebody-else");
    for name in ["no/such", &format!("{full}/cryptoKeyVersions/1"), "projects/p", &foreign] {
        let context = KmsContext { key: KeyName::new(name).unwrap(), ..context.clone() };
        let answers = [
            provider.generate(&context).await.map(drop),
            provider.unwrap(&context, wrapped.as_bytes()).await.map(drop),
        ];
        for answer in answers {
            assert!(matches!(answer, Err(ProviderError::Refused { .. })), "{name}: {answer:?}");
        }
    }
    assert!(cloud.gcp.take_requests().is_empty(), "names that cannot be are not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_version_wraps_and_is_told_and_each_version_opens_its_own() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    let provider = cloud.provider();
    let mut wrapped = Vec::new();
    for version in 1..=3 {
        let (dek, key) = provider.generate(&context("a")).await.unwrap();
        assert_eq!(provider.version(key.as_bytes()), Some(version.to_string()));
        wrapped.push((dek, key));
        cloud.gcp.rotate("a");
    }
    for (dek, key) in &wrapped {
        assert!(provider.unwrap(&context("a"), key.as_bytes()).await.unwrap().same_as(dek));
    }
    // A version is part of what cannot be altered: else it could be said that nothing needs an old one any more.
    let mut altered = wrapped[0].1.as_bytes().to_vec();
    assert_eq!(altered[2], b'1');
    altered[2] = b'3';
    let answer = provider.unwrap(&context("a"), &altered).await.map(drop);
    assert!(matches!(answer, Err(ProviderError::Corrupt { .. })), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_way_damages_is_not_used() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    let provider = cloud.provider();
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    let request = cloud.gcp.take_requests().pop().unwrap().json();
    assert_eq!(request["plaintextCrc32c"].as_str().map(|text| text.parse::<u32>().is_ok()), Some(true));
    let name = format!("{}/cryptoKeys/a/cryptoKeyVersions/1", Gcp::KEY_RING);
    // 9 bytes with the check value that catalogues of checksums have for them.
    let good = json!({"name": name, "ciphertext": "MTIzNDU2Nzg5", "ciphertextCrc32c": "3808858755",
        "verifiedPlaintextCrc32c": true, "verifiedAdditionalAuthenticatedDataCrc32c": true});
    let with = |name: &str, value: Value| {
        let mut answer = good.clone();
        answer[name] = value;
        answer
    };
    let generate = async |answer: Value| {
        cloud.gcp.answer(move |request| is_call(request).then(|| HttpAnswer::json(200, &answer)));
        provider.generate(&context("a")).await.map(drop)
    };
    assert_eq!(generate(good.clone()).await, Ok(()));
    for bad in [
        with("ciphertextCrc32c", json!("3808858754")),
        with("ciphertext", json!("MTIzNDU2Nzg4")),
        with("verifiedPlaintextCrc32c", json!(false)),
        with("verifiedAdditionalAuthenticatedDataCrc32c", json!(false)),
        with("name", json!(name.replace("keys/a", "keys/b").replace("Keys/a", "Keys/b"))),
        with("name", json!("")),
    ] {
        let shown = bad.to_string();
        let answer = generate(bad).await;
        assert!(matches!(answer, Err(ProviderError::Unavailable { .. })), "{shown}: {answer:?}");
    }
    for plaintext in
        [json!({"plaintext": "MTIzNDU2Nzg5", "plaintextCrc32c": "1"}), json!({"plaintext": "MTIz"})]
    {
        cloud.gcp.answer(move |request| is_call(request).then(|| HttpAnswer::json(200, &plaintext)));
        let answer = provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop);
        assert!(matches!(answer, Err(ProviderError::Unavailable { .. })), "{answer:?}");
    }
    // Whole, but no data key: somebody wrapped something else.
    let other = json!({"plaintext": "MTIzNDU2Nzg5", "plaintextCrc32c": "3808858755"});
    cloud.gcp.answer(move |request| is_call(request).then(|| HttpAnswer::json(200, &other)));
    let answer = provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop);
    assert!(matches!(answer, Err(ProviderError::Corrupt { .. })), "{answer:?}");
}

pub(super) fn is_call(request: &HttpRequest) -> bool {
    request.path.ends_with("crypt")
}
