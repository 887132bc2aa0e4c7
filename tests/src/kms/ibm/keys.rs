//! Root keys with versions, each key in a state.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::ibm_error;
use crate::kms::https::{HttpAnswer, HttpRequest};

const KEY_ACTION: &str = "application/vnd.ibm.kms.key_action+json";

const KEY_ACTION_WRAP: &str = "application/vnd.ibm.kms.key_action_wrap+json";
const KEY_ACTION_UNWRAP: &str = "application/vnd.ibm.kms.key_action_unwrap+json";

/// By their aliases.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<String, Key>);

#[derive(Debug)]
struct Key {
    id: String,
    versions: Vec<(String, LessSafeKey)>,
    enabled: bool,
    deleted: bool,
    denied: bool,
}

impl Keys {
    pub(super) fn make(&mut self, alias: &str) -> String {
        let id = uuid();
        let key = Key { id: id.clone(), versions: Vec::new(), enabled: true, deleted: false, denied: false };
        self.0.insert(alias.to_owned(), key);
        self.rotate(alias);
        id
    }

    pub(super) fn rotate(&mut self, alias: &str) {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).expect("there is randomness");
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).expect("the key has 32 bytes"));
        self.key(alias).versions.push((uuid(), key));
    }

    pub(super) fn enable(&mut self, alias: &str, enabled: bool) {
        self.key(alias).enabled = enabled;
    }

    pub(super) fn delete(&mut self, alias: &str) {
        self.key(alias).deleted = true;
    }

    pub(super) fn purge(&mut self, alias: &str) {
        let purged = self.0.remove(alias).expect("there is such a key");
        assert!(purged.deleted, "it was deleted before");
    }

    pub(super) fn deny(&mut self, alias: &str) {
        self.key(alias).denied = true;
    }

    fn key(&mut self, alias: &str) -> &mut Key {
        self.0.get_mut(alias).expect("there is such a key")
    }

    pub(super) fn call(&self, request: &HttpRequest) -> HttpAnswer {
        self.answer(request).unwrap_or_else(|answer| answer)
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
        let path = request.path.strip_prefix("/api/v2/keys/").filter(|_| request.method == "POST");
        let call = path.and_then(|path| path.split_once("/actions/"));
        let Some((name, action @ ("wrap" | "unwrap"))) = call else {
            return Err(ibm_error(404, "NOT_FOUND_ERR", "There is no such path"));
        };
        let is = |(alias, key): &(&String, &Key)| *alias == name || key.id == name;
        let key = self.0.iter().find(is).map(|(_, key)| key);
        let key = key.ok_or_else(|| ibm_error(404, "KEY_NOT_FOUND_ERR", "Key does not exist"))?;
        if key.denied {
            return Err(ibm_error(403, "FORBIDDEN_ERR", "The user does not have access to the key"));
        }
        if key.deleted {
            let message = "Key has already been deleted: Please delete references to this key";
            return Err(ibm_error(410, "KEY_DELETED_ERR", message));
        }
        if !key.enabled {
            return Err(ibm_error(409, "KEY_ACTION_INVALID_STATE_ERR", "Key is not in a valid state"));
        }
        if action == "wrap" { key.wrap(request) } else { key.unwrap(request) }
    }
}

impl Key {
    fn wrap(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
        let (plaintext, aad) = parameters(request, "plaintext")?;
        let (version, key) = self.versions.last().expect("a key has a version");
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).expect("there is randomness");
        let mut sealed = plaintext;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
            .expect("it is short");
        // The original has a JSON object in its ciphertext too.
        let blob = json!({"ciphertext": BASE64.encode(sealed), "iv": BASE64.encode(nonce), "version": "4.0.0", "handle": version});
        let answer = json!({"ciphertext": BASE64.encode(blob.to_string()), "keyVersion": {"id": version}});
        Ok(HttpAnswer::json(200, &answer))
    }

    fn unwrap(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpAnswer> {
        let (ciphertext, aad) = parameters(request, "ciphertext")?;
        let done = self.open(&ciphertext, &aad);
        let (version, plaintext) = done.ok_or_else(|| {
            ibm_error(422, "UNPROCESSABLE_CIPHERTEXT_ERR", "The provided ciphertext is invalid or corrupted")
        })?;
        let mut answer = json!({"plaintext": BASE64.encode(plaintext), "keyVersion": {"id": version}});
        if let Some((newest, _)) = self.versions.last().filter(|(newest, _)| newest != version) {
            answer["ciphertext"] = json!("bmV3bHkgd3JhcHBlZA==");
            answer["rewrappedKeyVersion"] = json!({"id": newest});
        }
        Ok(HttpAnswer::json(200, &answer))
    }

    fn open(&self, ciphertext: &[u8], aad: &[u8]) -> Option<(&str, Vec<u8>)> {
        let blob: Map<String, Value> = serde_json::from_slice(ciphertext).ok()?;
        let bytes = |name: &str| BASE64.decode(blob.get(name)?.as_str()?).ok();
        let nonce = bytes("iv")?.try_into().ok()?;
        let handle = blob.get("handle")?.as_str()?;
        if blob.len() != 4 || blob.get("version")? != "4.0.0" {
            return None;
        }
        let (version, key) = self.versions.iter().find(|(version, _)| version == handle)?;
        let mut sealed = bytes("ciphertext")?;
        let plaintext =
            key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed).ok()?;
        Some((version, plaintext.to_vec()))
    }
}

/// The bytes of a field, and the additional authenticated data so that no two lists are the same.
fn parameters(request: &HttpRequest, field: &str) -> Result<(Vec<u8>, Vec<u8>), HttpAnswer> {
    let bad = |message: &str| ibm_error(400, "BAD_BODY_ERR", message);
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    // As the documentation has it, or as IBM's own client.
    let own = if field == "plaintext" { KEY_ACTION_WRAP } else { KEY_ACTION_UNWRAP };
    let types = (header("content-type").unwrap_or_default(), header("accept").unwrap_or_default());
    if ![(KEY_ACTION, KEY_ACTION), (own, "application/json")].contains(&types) {
        return Err(bad("The content type is not that of a key action"));
    }
    let body: Map<String, Value> =
        serde_json::from_slice(&request.body).map_err(|_| bad("The body is no JSON object"))?;
    let (Some(bytes), Some(Value::Array(aad)), 2) = (body.get(field), body.get("aad"), body.len()) else {
        return Err(bad("The body has not exactly the fields of the action"));
    };
    let bytes =
        bytes.as_str().and_then(|text| BASE64.decode(text).ok()).ok_or_else(|| bad("It is not base64"))?;
    let is_aad = |text: &Value| text.as_str().is_some_and(|text| text.len() <= 255);
    if aad.is_empty() || aad.len() > 126 || !aad.iter().all(is_aad) {
        return Err(bad("The aad is not a list of texts"));
    }
    Ok((bytes, Value::from(aad.clone()).to_string().into_bytes()))
}

fn uuid() -> String {
    uuid::Uuid::from_bytes({
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).expect("there is randomness");
        bytes
    })
    .to_string()
}
