//! What is sent, and which keys and versions.

use proxy_crypto::{KeyName, KmsContext, ProviderError};
use serde_json::json;

use super::super::contract::context;
use super::*;

/// Conformance: TE-13.
#[tokio::test(flavor = "multi_thread")]
async fn actions_carry_the_names_of_the_context() {
    let cloud = Cloud::start().await;
    let id = cloud.ibm.make_key("a");
    for name in ["a", &id] {
        for ring in [None, Some(Ibm::KEY_RING.to_owned())] {
            let context = KmsContext { key: KeyName::new(name).unwrap(), ..context("a") };
            let provider = cloud.with(|settings| settings.key_ring.clone_from(&ring));
            let (dek, wrapped) = provider.generate(&context).await.unwrap();
            assert!(provider.unwrap(&context, wrapped.as_bytes()).await.unwrap().same_as(&dek), "{name}");
            let request = cloud.ibm.take_requests().pop().unwrap();
            let names = json!(["strimzi topic encryption", "my-cluster", "team-kms", name]);
            assert_eq!(request.json()["aad"], names);
            assert_eq!(request.path, format!("/api/v2/keys/{name}/actions/unwrap"));
            assert_eq!(request.headers.get("x-kms-key-ring"), ring.as_ref());
        }
    }
    for wrong in ["a/b", "a.b", "a:b", &"a".repeat(91)] {
        let context = KmsContext { key: KeyName::new(wrong).unwrap(), ..context("a") };
        let answer = cloud.provider().generate(&context).await.map(drop);
        assert!(matches!(answer, Err(ProviderError::Refused { .. })), "{wrong}: {answer:?}");
    }
    assert!(cloud.ibm.take_requests().is_empty(), "names that cannot be are not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_version_wraps_and_is_told_and_each_version_opens_its_own() {
    let cloud = Cloud::start().await;
    cloud.ibm.make_key("a");
    let provider = cloud.provider();
    let mut wrapped = Vec::new();
    for _ in 0..3 {
        wrapped.push(provider.generate(&context("a")).await.unwrap());
        cloud.ibm.rotate("a");
    }
    for (dek, key) in &wrapped {
        assert!(provider.unwrap(&context("a"), key.as_bytes()).await.unwrap().same_as(dek));
    }
    // A version is part of what cannot be altered: else it could be said that nothing needs an old one any more.
    let [first, second] = [0, 1].map(|index| wrapped[index].1.as_bytes().to_vec());
    let altered = [&first[..2], &second[2..38], &first[38..]].concat();
    assert_eq!(provider.version(&altered), provider.version(&second));
    let answer = provider.unwrap(&context("a"), &altered).await.map(drop);
    assert!(matches!(answer, Err(ProviderError::Corrupt { .. })), "{answer:?}");
}

/// Conformance: TE-13.
#[tokio::test(flavor = "multi_thread")]
async fn another_instance_or_key_ring_is_not_served() {
    let cloud = Cloud::start().await;
    cloud.ibm.make_key("a");
    let changes: [fn(&mut IbmSettings); 2] = [
        |settings| "other".clone_into(&mut settings.instance),
        |settings| settings.key_ring = Some("other".to_owned()),
    ];
    for change in changes {
        let answer = cloud.with(change).generate(&context("a")).await.map(drop);
        assert!(matches!(answer, Err(ProviderError::Refused { .. })), "{answer:?}");
    }
}
