//! Data keys that Kroxylicious had KMS wrap.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{KeyProvider, KroxyliciousV2, LegacySource, ProviderError};
use serde_json::json;
use tests::kms::Moto;
use tests::legacy::{aws_edek, kroxylicious_v2};

use super::{Aws, context};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_kroxylicious_opens_and_its_data_key_is_none_of_ours() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    let key_id = moto.make_key("a").await;
    let wanted = json!({"KeyId": key_id, "KeySpec": "AES_256"});
    let made = moto.kms("GenerateDataKey", wanted).await;
    let bytes = |name: &str| BASE64.decode(made[name].as_str().unwrap()).unwrap();
    let edek = aws_edek(&key_id, &bytes("CiphertextBlob"));
    let stored = kroxylicious_v2(&bytes("Plaintext"), &edek, b"an order");

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
