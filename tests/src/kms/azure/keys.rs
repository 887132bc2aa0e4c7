//! Keys with versions, each enabled or not.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::json;

use super::azure_error;
use crate::kms::https::{HttpAnswer, HttpRequest};

const API: &str = "?api-version=7.4";

#[derive(Debug)]
pub(super) struct Keys {
    named: BTreeMap<String, Vec<Version>>,
    denied: BTreeSet<String>,
    /// Those that can be recovered.
    deleted: BTreeSet<String>,
    shows_deleted: bool,
    make: fn() -> Material,
    algorithm: &'static str,
}

#[derive(Debug)]
struct Version {
    /// 32 hexadecimal digits.
    name: String,
    material: Material,
    enabled: bool,
}

#[derive(Debug)]
enum Material {
    Aes([u8; 32]),
    Rsa(PrivateDecryptingKey),
}

impl Keys {
    pub(super) fn aes() -> Self {
        let make = || {
            let mut bytes = [0; 32];
            rand::fill(&mut bytes).expect("there is randomness");
            Material::Aes(bytes)
        };
        Self::of(make, "A256KW")
    }

    pub(super) fn rsa() -> Self {
        let make =
            || Material::Rsa(PrivateDecryptingKey::generate(KeySize::Rsa3072).expect("a key can be made"));
        Self::of(make, "RSA-OAEP-256")
    }

    fn of(make: fn() -> Material, algorithm: &'static str) -> Self {
        let (named, denied, deleted) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { named, denied, deleted, shows_deleted: true, make, algorithm }
    }

    pub(super) fn make(&mut self, key: &str) {
        self.named.insert(key.to_owned(), Vec::new());
        self.rotate(key);
    }

    pub(super) fn rotate(&mut self, key: &str) {
        let mut name = [0; 16];
        rand::fill(&mut name).expect("there is randomness");
        let name = format!("{:032x}", u128::from_be_bytes(name));
        let version = Version { name, material: (self.make)(), enabled: true };
        self.named.get_mut(key).expect("there is such a key").push(version);
    }

    pub(super) fn enable(&mut self, key: &str, enabled: bool) {
        for version in self.named.get_mut(key).expect("there is such a key") {
            version.enabled = enabled;
        }
    }

    pub(super) fn delete(&mut self, key: &str) {
        self.named.remove(key).expect("there is such a key");
        self.deleted.insert(key.to_owned());
    }

    pub(super) fn purge(&mut self, key: &str) {
        assert!(self.deleted.remove(key), "it was deleted before");
    }

    pub(super) fn hide_deleted(&mut self) {
        self.shows_deleted = false;
    }

    pub(super) fn deny(&mut self, key: &str) {
        self.denied.insert(key.to_owned());
    }

    pub(super) fn call(&self, request: &HttpRequest) -> HttpAnswer {
        self.answer(request).unwrap_or_else(|answer| answer)
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
        // The role of proxies lets them use keys and not look at them, except at deleted ones.
        if request.method == "GET" {
            return self.deleted(request);
        }
        let path = request.path.strip_suffix(API).filter(|_| request.method == "POST");
        let parts: Vec<&str> = path.unwrap_or_default().split('/').collect();
        let ["", "keys", key, version, operation @ ("wrapkey" | "unwrapkey")] = parts[..] else {
            return Err(azure_error(400, "BadParameter", "", &format!("Bad request: {}", request.path)));
        };
        if self.denied.contains(key) {
            let message = "Caller is not authorized to perform action on resource.";
            return Err(azure_error(403, "Forbidden", "ForbiddenByRbac", message));
        }
        let versions = self.named.get(key).ok_or_else(missing)?;
        let version = match (version, operation) {
            ("", "wrapkey") => versions.last().ok_or_else(missing)?,
            // What was wrapped by a version is unwrapped by it, so that it does not depend on which one is current.
            ("", _) => return Err(bad("The request URI has no version.")),
            (name, _) => versions.iter().find(|version| version.name == name).ok_or_else(missing)?,
        };
        if !version.enabled {
            let message = format!("Operation {operation} is not allowed on a disabled key.");
            return Err(azure_error(403, "Forbidden", "KeyDisabled", &message));
        }
        let body = request.exactly(&["alg", "value"]).map_err(|error| bad(&error))?;
        if body["alg"] != self.algorithm {
            return Err(bad("Key and signing algorithm are incompatible."));
        }
        let value = body["value"].as_str().and_then(|text| BASE64URL.decode(text).ok());
        let value = value.ok_or_else(|| bad("Property value is not base64url."))?;
        let done = if operation == "wrapkey" {
            version.material.wrap(&value)
        } else {
            version.material.unwrap(&value)
        };
        let done = done.ok_or_else(|| bad("The parameter is incorrect."))?;
        let kid = format!("https://payments.vault.azure.net/keys/{key}/{}", version.name);
        Ok(HttpAnswer::json(200, &json!({"kid": kid, "value": BASE64URL.encode(done)})))
    }
}

impl Keys {
    fn deleted(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
        let key = request.path.strip_prefix("/deletedkeys/").and_then(|path| path.strip_suffix(API));
        match key.filter(|_| self.shows_deleted) {
            None => Err(azure_error(403, "Forbidden", "ForbiddenByRbac", "Caller may not get keys.")),
            Some(key) if self.deleted.contains(key) => {
                let id = format!("https://payments.vault.azure.net/deletedkeys/{key}");
                Ok(HttpAnswer::json(200, &json!({"recoveryId": id, "key": {}, "attributes": {}})))
            }
            Some(_) => Err(missing()),
        }
    }
}

impl Material {
    fn wrap(&self, plaintext: &[u8]) -> Option<Vec<u8>> {
        let mut room = vec![0; 512];
        let done = match self {
            Self::Aes(key) => {
                let key = AesKek::new(&AES_256, key).expect("the key has 32 bytes");
                key.wrap(plaintext, &mut room).ok()?.to_vec()
            }
            Self::Rsa(key) => {
                let key = OaepPublicEncryptingKey::new(key.public_key()).expect("the key is good");
                key.encrypt(&OAEP_SHA256_MGF1SHA256, plaintext, &mut room, None).ok()?.to_vec()
            }
        };
        Some(done)
    }

    fn unwrap(&self, wrapped: &[u8]) -> Option<Vec<u8>> {
        let mut room = vec![0; 512];
        let done = match self {
            Self::Aes(key) => {
                let key = AesKek::new(&AES_256, key).expect("the key has 32 bytes");
                key.unwrap(wrapped, &mut room).ok()?.to_vec()
            }
            Self::Rsa(key) => {
                let key = OaepPrivateDecryptingKey::new(key.clone()).expect("the key is good");
                key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut room, None).ok()?.to_vec()
            }
        };
        Some(done)
    }
}

fn missing() -> HttpAnswer {
    azure_error(404, "KeyNotFound", "", "A key with (name/id) was not found in this key vault.")
}

fn bad(message: &str) -> HttpAnswer {
    azure_error(400, "BadParameter", "", message)
}
