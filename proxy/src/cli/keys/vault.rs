//! Settings of Vault and OpenBao.

use super::{Look, Provider, path, seen};
use anyhow::Context as _;
use proxy_config::{ProviderTls, VaultAuth, VaultBinding, VaultProvider, VaultRole};
use proxy_crypto::ProviderName;
use proxy_kms::{Binding, Login, TlsFiles, Vault, VaultSettings};
use std::sync::Arc;

pub(super) fn open(name: &ProviderName, provider: &VaultProvider) -> anyhow::Result<(Provider, Look)> {
    let vault = Arc::new(Vault::new(name.clone(), settings(provider)?));
    let look = Arc::clone(&vault);
    Ok((vault, Box::new(move || seen(look.reload()))))
}

fn settings(provider: &VaultProvider) -> anyhow::Result<VaultSettings> {
    let jwt = |role: &VaultRole| Login::Jwt {
        mount: role.mount.clone(),
        role: role.role.clone(),
        token: path(&role.token_file),
    };
    Ok(VaultSettings {
        address: provider.address.parse().context("address")?,
        namespace: provider.namespace.clone(),
        mount: provider.mount.clone(),
        binding: match provider.binding {
            VaultBinding::AssociatedData => Binding::AssociatedData,
            VaultBinding::DerivedKey => Binding::DerivedKey,
            VaultBinding::None => Binding::None,
        },
        login: match &provider.auth {
            VaultAuth::Kubernetes(role) | VaultAuth::Jwt(role) => jwt(role),
            VaultAuth::AppRole { mount, role_id_file, secret_id_file } => Login::AppRole {
                mount: mount.clone(),
                role_id: path(role_id_file),
                secret_id: path(secret_id_file),
            },
            VaultAuth::TokenFile(file) => Login::TokenFile(path(file)),
        },
        tls: provider.tls.as_ref().map(tls).unwrap_or_default(),
    })
}

fn tls(tls: &ProviderTls) -> TlsFiles {
    TlsFiles {
        ca: tls.ca_file.as_ref().map(path),
        identity: tls.certificate_file.as_ref().map(path).zip(tls.key_file.as_ref().map(path)),
    }
}
