//! Data keys that Kroxylicious had KMS wrap.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{KeyProvider, KroxyliciousV2, LegacySource, ProviderError};
use serde_json::json;
use tests::kms::Moto;
use tests::legacy::{aws_edek, kroxylicious_v2};

use super::{Aws, context};
use crate::predecessor::Left;

/// A data key under this key, in clear and encrypted. Kroxylicious asks for one so.
async fn data_key(moto: &Moto, key_id: &str) -> (Vec<u8>, Vec<u8>) {
    let made = moto.kms("GenerateDataKey", json!({"KeyId": key_id, "KeySpec": "AES_256"})).await;
    let bytes = |name: &str| BASE64.decode(made[name].as_str().unwrap()).unwrap();
    (bytes("Plaintext"), bytes("CiphertextBlob"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_kroxylicious_opens_and_its_data_key_is_none_of_ours() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    let key_id = moto.make_key("a").await;
    let (data_key, blob) = data_key(&moto, &key_id).await;
    let edek = aws_edek(&key_id, &blob);
    let stored = kroxylicious_v2(&data_key, &edek, b"an order");

    let provider = aws.with(|_| {});
    let legacy = provider.legacy().unwrap();
    let record = KroxyliciousV2::parse(Some(&[2]), Some(&stored)).unwrap();
    assert_eq!(legacy.named_key(record.edek()).unwrap().as_str(), key_id);
    let key = legacy.legacy_key(&context(&key_id), LegacySource::Edek(record.edek())).await.unwrap();
    let mut value = Vec::new();
    record.open(&key, &mut value).unwrap();
    assert_eq!(value, b"an order");

    let corrupt = |error: ProviderError| matches!(error, ProviderError::Corrupt { .. });
    assert!(corrupt(provider.unwrap(&context(&key_id), &edek).await.unwrap_err()));
    let (_, ours) = provider.generate(&context(&key_id)).await.unwrap();
    let ask = async |edek: &[u8]| legacy.legacy_key(&context(&key_id), LegacySource::Edek(edek)).await;
    // The encryption context that ours are bound to is not told on this path.
    assert!(corrupt(ask(&aws_edek(&key_id, &ours.as_bytes()[1..])).await.unwrap_err()));
    assert!(corrupt(ask(ours.as_bytes()).await.unwrap_err()));
    let mut altered = edek.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(corrupt(ask(&altered).await.unwrap_err()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_reads_records_of_kroxylicious_through_a_proxy() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("b").await;
    let key_id = moto.make_key("a").await;
    let (data_key, blob) = data_key(&moto, &key_id).await;
    let left = Left {
        provider: aws.yaml(),
        stored: kroxylicious_v2(&data_key, &aws_edek(&key_id, &blob), b"an order"),
        key: key_id,
        own: "b",
        clear: "an order",
    };
    left.reads_through_a_proxy("awskms-legacy").await;
}
