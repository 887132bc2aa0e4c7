//! The commands that the page of OpenBao prints.

use tests::kubernetes::{KeyOwner, OpenBao, page};

const PAGE: &str = "proxy/kms/docs/vault.md";

/// Its blocks of commands, for the namespace of the test.
pub(super) struct Page {
    set_up: Vec<String>,
    pub(super) rotate: String,
    pub(super) revoke: String,
    /// The same of version 1 alone.
    pub(super) revoke_version: String,
    pub(super) restore: String,
    /// Old versions of a key, then the key.
    destroy: [String; 2],
}

impl Page {
    pub(super) fn of(namespace: &str) -> Self {
        let here = |block: String| {
            let block = block.replace("namespaces=kafka ", &format!("namespaces={namespace} "));
            let block = block.replace("--namespace kafka ", &format!("--namespace {namespace} "));
            block.replace("serviceaccount:kafka:", &format!("serviceaccount:{namespace}:"))
        };
        let section = |name| page::commands(PAGE, name).into_iter().map(here).collect::<Vec<_>>();
        let only = |name| {
            let [commands] = section(name).try_into().expect("the section has one block of commands");
            commands
        };
        let [revoke, revoke_version] =
            section("Revoke").try_into().expect("the section has two blocks of commands");
        Self {
            set_up: section("Set up"),
            rotate: only("Rotate"),
            revoke,
            revoke_version,
            restore: only("Restore"),
            destroy: section("Destroy").try_into().expect("the section has two blocks of commands"),
        }
    }

    /// An engine, a key, and ways to log in for the proxies.
    pub(super) async fn set_up(&self, bao: &OpenBao) {
        assert_eq!(
            self.set_up.len(),
            5,
            "an engine with a key, two ways to log in, whom to trust, what the log has"
        );
        for commands in &self.set_up {
            bao.typed(commands).await;
        }
    }

    /// Nothing can be read after it.
    pub(super) async fn destroy(&self, bao: &OpenBao, key_owner: &KeyOwner<'_>) {
        let [versions, key] = &self.destroy;
        key_owner.types(&self.rotate).await;
        key_owner.types(versions).await;
        let left = bao.typed("bao read -format=json -field=keys transit/keys/payments").await;
        assert!(left.contains("\"3\"") && !left.contains("\"2\"") && !left.contains("\"1\""), "{left}");
        key_owner.types(key).await;
        let left = bao.typed("bao list transit/keys").await;
        assert!(left.contains("refunds") && !left.contains("payments"), "{left}");
    }
}
