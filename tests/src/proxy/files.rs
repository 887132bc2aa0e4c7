//! The files that a running proxy follows: its policy and its local keys.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proxy_crypto::{ClusterName, KeyName, KeyProvider as _, KmsContext, LocalKeys, ProviderName};

use super::{PATIENCE, PolicyFile, Proxy};
use crate::eventually::eventually_ok;
use crate::payload::random_bytes;

impl Proxy {
    /// Puts a policy in place of the present one, in one step, and does not wait.
    pub fn write_policy(&self, policy: &PolicyFile) {
        self.write_file("policy.yaml", &policy.text());
    }

    /// Puts a policy in place and waits until it is in force.
    pub async fn apply_policy(&self, policy: &PolicyFile) {
        let before = self.policy().await["generation"].as_u64().unwrap_or(0);
        self.write_policy(policy);
        self.wait_for_generation(before + 1).await;
    }

    /// Puts any text in place of `policy.yaml` or another file of the proxy, in one step.
    pub fn write_file(&self, name: &str, text: &str) {
        let new = self.folder.join(format!("{name}.new"));
        fs::write(&new, text).expect("the folder is ours");
        fs::rename(new, self.folder.join(name)).expect("the folder is ours");
    }

    /// A new random key-encryption key as this version of the name.
    pub fn write_key(&self, name: &str, version: u32) {
        self.write_key_bytes(name, version, &random_bytes(32));
    }

    /// A given key-encryption key as this version of the name.
    pub fn write_key_bytes(&self, name: &str, version: u32, key: &[u8]) {
        self.write_file(&format!("keys/{name}.v{version}"), &STANDARD.encode(key));
    }

    /// Takes the key away. Returns its text for [`Self::restore_key`].
    pub fn remove_key(&self, name: &str, version: u32) -> String {
        let file = self.keys_folder().join(format!("{name}.v{version}"));
        let text = fs::read_to_string(&file).expect("the key is there");
        fs::remove_file(file).expect("the folder is ours");
        text
    }

    /// Puts a key back that was taken away.
    pub fn restore_key(&self, name: &str, version: u32, text: &str) {
        self.write_file(&format!("keys/{name}.v{version}"), text);
    }

    /// The folder of the local keys.
    pub fn keys_folder(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// A new key for pseudonyms as a policy has it: wrapped by a local key of the default provider.
    pub async fn pseudonym_key(&self, key: &str) -> String {
        let provider = ProviderName::new("default").expect("a name");
        let keys = LocalKeys::open(self.keys_folder(), provider.clone());
        let cluster = ClusterName::new("test-cluster").expect("a name");
        let context = KmsContext { cluster, provider, key: KeyName::new(key).expect("a name") };
        let (_, wrapped) = keys.generate(&context).await.expect("the key is there");
        STANDARD.encode(wrapped.as_bytes())
    }

    /// Waits until this policy, or a later one, is in force.
    pub async fn wait_for_generation(&self, generation: u64) {
        let reached = async || {
            let policy = self.policy().await;
            policy["generation"].as_u64().filter(|loaded| *loaded >= generation).ok_or(policy)
        };
        eventually_ok(&format!("generation {generation} of the policy is in force"), PATIENCE, reached).await;
    }

    /// Waits until the policy with this hash, as `/policy` tells it, is in force.
    pub async fn wait_for_policy_hash(&self, hash: &str) {
        let reached = async || {
            let policy = self.policy().await;
            if policy["hash"] == hash { Ok(()) } else { Err(policy) }
        };
        eventually_ok("the policy with the hash is in force", PATIENCE, reached).await;
    }

    /// Waits until the proxy says this about each rule that uses the key.
    pub async fn wait_for_key_state(&self, name: &str, state: &str) {
        let reached = async || {
            let keys = self.keys().await;
            let mut states = keys.iter().filter(|key| key["key"] == name).map(|key| key["state"] == state);
            if states.clone().next().is_some() && states.all(|equal| equal) {
                Ok(())
            } else {
                Err(format!("{keys:?}"))
            }
        };
        eventually_ok(&format!("the key {name} is {state}"), PATIENCE, reached).await;
    }
}
