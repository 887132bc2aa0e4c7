//! Keys with versions, each in a state.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::gcp_error;
use crate::kms::https::{HttpAnswer, HttpRequest};

const FIELDS: [&str; 2] = ["additionalAuthenticatedData", "additionalAuthenticatedDataCrc32c"];

#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: BTreeMap<String, Vec<Version>>,
    denied: BTreeSet<String>,
}

#[derive(Debug)]
struct Version {
    key: LessSafeKey,
    state: &'static str,
}

impl Keys {
    pub(super) fn make(&mut self, name: &str) {
        self.keys.insert(name.to_owned(), vec![Version::new()]);
    }

    pub(super) fn rotate(&mut self, name: &str) {
        self.keys.get_mut(name).expect("there is such a key").push(Version::new());
    }

    pub(super) fn set_state(&mut self, name: &str, state: &'static str) {
        let versions = self.keys.get_mut(name).expect("there is such a key");
        for version in versions {
            version.state = state;
        }
    }

    pub(super) fn deny(&mut self, name: &str) {
        self.denied.insert(name.to_owned());
    }

    pub(super) fn call(&self, name: &str, operation: &str, request: &HttpRequest) -> HttpAnswer {
        if self.denied.contains(name) {
            let message =
                format!("Permission 'cloudkms.cryptoKeyVersions.useTo' denied on resource '{name}'.");
            return gcp_error(403, "PERMISSION_DENIED", &message);
        }
        let Some(versions) = self.keys.get(name) else {
            return gcp_error(404, "NOT_FOUND", &format!("CryptoKey {name} not found."));
        };
        let done = if operation == "encrypt" {
            encrypt(name, versions, request)
        } else {
            decrypt(name, versions, request)
        };
        done.unwrap_or_else(|answer| answer)
    }
}

impl Version {
    fn new() -> Self {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).expect("there is randomness");
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).expect("the key has 32 bytes"));
        Self { key, state: "ENABLED" }
    }

    fn enabled(&self, name: &str) -> Result<&LessSafeKey, HttpAnswer> {
        if self.state == "ENABLED" {
            return Ok(&self.key);
        }
        let message = format!("{name} is not enabled, current state is: {}.", self.state);
        Err(gcp_error(400, "FAILED_PRECONDITION", &message))
    }
}

fn encrypt(name: &str, versions: &[Version], request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
    let body = request
        .exactly(&["plaintext", "plaintextCrc32c", FIELDS[0], FIELDS[1]])
        .map_err(|error| invalid(&error))?;
    let (plaintext, aad) = (bytes(&body, "plaintext")?, bytes(&body, FIELDS[0])?);
    let number = versions.len();
    let version_name = format!("{name}/cryptoKeyVersions/{number}");
    let key = versions.last().expect("a key has a version").enabled(&version_name)?;
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).expect("there is randomness");
    let mut sealed = plaintext;
    let aad = Aad::from([version_name.as_bytes(), &aad].concat());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).expect("it is short");
    let number = u16::try_from(number).expect("there are few versions").to_be_bytes();
    let ciphertext = [&number[..], &nonce, &sealed].concat();
    Ok(HttpAnswer::json(
        200,
        &json!({
            "name": version_name,
            "ciphertext": BASE64.encode(&ciphertext),
            "ciphertextCrc32c": crc(&ciphertext),
            "verifiedPlaintextCrc32c": true,
            "verifiedAdditionalAuthenticatedDataCrc32c": true,
            "protectionLevel": "HSM",
        }),
    ))
}

fn decrypt(name: &str, versions: &[Version], request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
    let body = request
        .exactly(&["ciphertext", "ciphertextCrc32c", FIELDS[0], FIELDS[1]])
        .map_err(|error| invalid(&error))?;
    let (ciphertext, aad) = (bytes(&body, "ciphertext")?, bytes(&body, FIELDS[0])?);
    let wrong = || invalid("Decryption failed: the ciphertext is invalid.");
    let (number, rest) = ciphertext.split_first_chunk().ok_or_else(wrong)?;
    let (nonce, sealed) = rest.split_first_chunk().ok_or_else(wrong)?;
    let number = usize::from(u16::from_be_bytes(*number));
    let version = number.checked_sub(1).and_then(|index| versions.get(index)).ok_or_else(wrong)?;
    let version_name = format!("{name}/cryptoKeyVersions/{number}");
    let key = version.enabled(&version_name)?;
    let aad = Aad::from([version_name.as_bytes(), &aad].concat());
    let mut sealed = sealed.to_vec();
    let plaintext =
        key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut sealed).map_err(|_| wrong())?;
    let answer = json!({
        "plaintext": BASE64.encode(&plaintext),
        "plaintextCrc32c": crc(plaintext),
        "usedPrimary": number == versions.len(),
        "protectionLevel": "HSM",
    });
    Ok(HttpAnswer::json(200, &answer))
}

/// The bytes of a field, whose checksum is in another.
fn bytes(body: &Map<String, Value>, name: &str) -> Result<Vec<u8>, HttpAnswer> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let bytes = text(name).and_then(|text| BASE64.decode(text).ok());
    let bytes = bytes.ok_or_else(|| invalid(&format!("{name} is not base64")))?;
    if text(&format!("{name}Crc32c")) == Some(&crc(&bytes)) {
        Ok(bytes)
    } else {
        let message = format!("The checksum in field {name}_crc32c did not match the data in field {name}.");
        Err(invalid(&message))
    }
}

fn crc(bytes: &[u8]) -> String {
    crc_fast::crc32_iscsi(bytes).to_string()
}

fn invalid(message: &str) -> HttpAnswer {
    gcp_error(400, "INVALID_ARGUMENT", message)
}
