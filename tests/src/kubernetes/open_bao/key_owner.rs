//! Who owns keys in the server, and does not administer it.

use super::OpenBao;

/// Who may say which keys the proxies use, and nothing else.
#[derive(Debug)]
pub struct KeyOwner<'a> {
    bao: &'a OpenBao,
    token: String,
}

impl OpenBao {
    /// Somebody who may make, rotate and destroy keys and write this policy.
    pub async fn key_owner(&self, policy: &str) -> KeyOwner<'_> {
        let all = "{ capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\"] }";
        let commands = format!(
            "bao policy write key-owner - >&2 <<'POLICY'\n\
             path \"transit/keys/*\" {all}\n\
             path \"sys/policies/acl/{policy}\" {all}\n\
             POLICY\n\
             bao token create -policy=key-owner -no-default-policy -field=token"
        );
        KeyOwner { bao: self, token: self.typed(&commands).await.trim().to_owned() }
    }
}

impl KeyOwner<'_> {
    /// What they show to the server.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Types commands, which must succeed.
    pub async fn types(&self, commands: &str) -> String {
        self.bao.typed_by(&self.token, commands).await.unwrap_or_else(|failed| panic!("{failed}"))
    }
}
