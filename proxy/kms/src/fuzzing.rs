//! Entry points for arbitrary bytes: called by the fuzzer in `proxy/fuzz` and by tests of this crate.
#![allow(missing_docs, clippy::missing_panics_doc, clippy::unwrap_used)]

#[cfg(test)]
mod tests;

use crate::wrapped::Wrapped;
use crate::{azure, gcp, ibm, kmip, oauth, pkcs11, vault};
use proxy_crypto::{ClusterName, Dek, KeyName, KmsContext, ProviderError, ProviderName};
use reqwest::StatusCode;

/// A name, what is run, and inputs to begin with.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

pub const TARGETS: &[Target] = &[
    ("kms_answers", fuzz_answers, answers),
    ("kms_kmip", kmip::fuzzing::fuzz, kmip::fuzzing::seeds),
    ("kms_wrapped", fuzz_wrapped, wrapped),
];

pub(crate) fn context() -> KmsContext {
    KmsContext {
        cluster: ClusterName::new("c").unwrap(),
        provider: ProviderName::new("kms").unwrap(),
        key: KeyName::new("k").unwrap(),
    }
}

/// What a server said can stand in a line of the log, and is not long.
pub(crate) fn is_told(error: &ProviderError) {
    let told = error.to_string();
    assert!(!told.chars().any(char::is_control), "{told:?} is one line");
    assert!(told.len() < 8 << 10, "it is short");
}

/// A status in two bytes, then the body.
fn fuzz_answers(data: &[u8]) {
    let Some((status, body)) = data.split_first_chunk() else { return };
    let Ok(status) = StatusCode::from_u16(u16::from_be_bytes(*status)) else { return };
    vault::fuzzing::fuzz_answer(status, body);
    azure::fuzzing::fuzz_answer(status, body);
    gcp::fuzzing::fuzz_answer(status, body);
    ibm::fuzzing::fuzz_answer(status, body);
    is_told(&oauth::refused(&context(), status, body, "secret"));
    if let Ok(text) = std::str::from_utf8(body) {
        gcp::fuzzing::fuzz_file(text);
    }
}

fn fuzz_wrapped(data: &[u8]) {
    vault::fuzzing::fuzz_wrapped(data);
    pkcs11::fuzzing::fuzz(data);
    if let Some(wrapped) = Wrapped::parse(data) {
        assert_eq!(wrapped.to_key().as_bytes(), data, "a wrapped key has one spelling");
        // The seeds wrap this one.
        if wrapped.opened(&context(), &[7; Dek::LEN]).is_ok() {
            assert_eq!((wrapped.way, wrapped.version), (1, "12"), "only what was wrapped opens");
        }
    }
}

fn wrapped() -> Vec<Vec<u8>> {
    let dek = Dek::from_bytes(&[7; Dek::LEN]).unwrap();
    let common = Wrapped::new(&context(), 1, "12", b"what the system made of it", &dek).unwrap();
    let common = common.to_key().as_bytes().to_vec();
    [Some(common), vault::fuzzing::seed(), pkcs11::fuzzing::seed()].into_iter().flatten().collect()
}

fn answers() -> Vec<Vec<u8>> {
    let all: [(u16, &str); 17] = [
        (200, r#"{"data":{"plaintext":"BwcH","ciphertext":"vault:v1:YWJj"}}"#),
        (400, r#"{"errors":["encryption key not found"]}"#),
        (400, r#"{"errors":["ciphertext or signature version is disallowed by policy (too old)"]}"#),
        (403, r#"{"errors":["permission denied"]}"#),
        (307, ""),
        (200, r#"{"kid":"https://v.vault.azure.net/keys/k/0123","value":"BwcH"}"#),
        (403, r#"{"error":{"code":"Forbidden","message":"no","innererror":{"code":"KeyDisabled"}}}"#),
        (404, r#"{"error":{"code":"KeyNotFound","message":"A key with (name/id) k was not found"}}"#),
        (
            200,
            r#"{"name":"projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1","ciphertext":"BwcH",
            "ciphertextCrc32c":"1","verifiedPlaintextCrc32c":true,"verifiedAdditionalAuthenticatedDataCrc32c":true}"#,
        ),
        (200, r#"{"plaintext":"BwcH","plaintextCrc32c":"1"}"#),
        (
            400,
            r#"{"error":{"status":"FAILED_PRECONDITION","message":"current state is: DESTROYED","details":[{"violations":
            [{"type":"KEY"},{"type":"EXTERNAL_PERMISSION_DENIED"}]}]}}"#,
        ),
        (200, r#"{"ciphertext":"BwcH","keyVersion":{"id":"1-2"}}"#),
        (
            410,
            r#"{"resources":[{"errorMsg":"Gone","reasons":[{"code":"KEY_DELETED_ERR","message":"deleted"}]}]}"#,
        ),
        (400, r#"{"error":"invalid_client","error_description":"the secret is wrong"}"#),
        (400, r#"{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}"#),
        (503, "<html>unavailable</html>"),
        (
            200,
            r#"{"type":"service_account","client_email":"a@b","private_key_id":"1","token_uri":"https://a/t",
            "private_key":"-----BEGIN PRIVATE KEY-----\nBwcH\n-----END PRIVATE KEY-----\n"}"#,
        ),
    ];
    all.iter().map(|(status, body)| [&status.to_be_bytes()[..], body.as_bytes()].concat()).collect()
}
