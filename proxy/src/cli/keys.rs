//! Opens the key providers of the configuration.

mod cloud;

use crate::poll::Seen;
use anyhow::Context as _;
use proxy_config::{
    AwsKmsCredentials, AwsKmsProvider, AwsKmsRole, ConfigPath, KeyProvider, KeyTimes, KmipProvider,
    Pkcs11Provider, ProviderTls, ProxyConfig, ToolsConfig, VaultAuth, VaultBinding, VaultProvider, VaultRole,
};
use proxy_crypto::{ClusterName, KeyLimits, Keys, LocalKeys, ProviderName};
use proxy_kms::{AwsCredentials, AwsKms, AwsRole, AwsSettings, AwsWebIdentity};
use proxy_kms::{AzureKeyVault, FileError, GcpKms, IbmKeyProtect};
use proxy_kms::{
    Binding, Kmip, KmipSettings, Login, Pkcs11, Pkcs11Settings, Pkcs11Token, TlsFiles, Vault, VaultSettings,
};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// The keys, and how to look again at the files that each of its providers follows.
pub(super) struct Opened {
    pub(super) keys: Arc<Keys>,
    pub(super) follow: Vec<(ProviderName, Look)>,
}

/// Looks at a provider's files, for the poller.
pub(super) type Look = Box<dyn Fn() -> Seen + Send + Sync>;

/// A provider that does not answer yet is no error: its keys are unavailable until it does.
pub(super) fn open(config: &ProxyConfig) -> anyhow::Result<Opened> {
    open_all(&config.cluster, &config.key_providers, config.keys)
}

/// The same, of a tool's file.
pub(super) fn open_for_tools(config: &ToolsConfig) -> anyhow::Result<Arc<Keys>> {
    open_all(&config.cluster, &config.key_providers, config.keys).map(|opened| opened.keys)
}

fn open_all(
    cluster: &proxy_config::ClusterName,
    key_providers: &BTreeMap<proxy_config::ProviderName, KeyProvider>,
    times: KeyTimes,
) -> anyhow::Result<Opened> {
    let cluster = ClusterName::new(cluster.as_str()).context("cluster")?;
    let mut providers = HashMap::new();
    let mut follow = Vec::new();
    for (name, provider) in key_providers {
        let name = ProviderName::new(name.as_str()).with_context(|| format!("keyProviders.{name}"))?;
        let (provider, look) = open_one(&name, provider).with_context(|| format!("keyProviders.{name}"))?;
        follow.push((name.clone(), look));
        providers.insert(name, provider);
    }
    Ok(Opened { keys: Arc::new(Keys::new(&cluster, providers, limits(times))), follow })
}

fn open_one(
    name: &ProviderName,
    provider: &KeyProvider,
) -> anyhow::Result<(Arc<dyn proxy_crypto::KeyProvider>, Look)> {
    Ok(match provider {
        KeyProvider::Local { directory } => {
            let local = Arc::new(LocalKeys::open(directory.as_path(), name.clone()));
            (Arc::clone(&local) as _, Box::new(move || look_at_local(&local)))
        }
        KeyProvider::AwsKms(settings) => {
            let aws = Arc::new(AwsKms::new(name.clone(), aws(settings)));
            let look = Arc::clone(&aws);
            (aws as _, Box::new(move || seen(look.reload())))
        }
        KeyProvider::AzureKeyVault(settings) => {
            let azure = Arc::new(AzureKeyVault::new(name.clone(), cloud::azure(settings)?));
            let look = Arc::clone(&azure);
            (azure as _, Box::new(move || seen(look.reload())))
        }
        KeyProvider::GcpKms(settings) => {
            let gcp = Arc::new(GcpKms::new(name.clone(), cloud::gcp(settings)?));
            let look = Arc::clone(&gcp);
            (gcp as _, Box::new(move || seen(look.reload())))
        }
        KeyProvider::IbmKeyProtect(settings) => {
            let ibm = Arc::new(IbmKeyProtect::new(name.clone(), cloud::ibm(settings)?));
            let look = Arc::clone(&ibm);
            (ibm as _, Box::new(move || seen(look.reload())))
        }
        KeyProvider::Vault(settings) => {
            let vault = Arc::new(Vault::new(name.clone(), vault(settings)?));
            let look = Arc::clone(&vault);
            (vault as _, Box::new(move || seen(look.reload())))
        }
        KeyProvider::Pkcs11(settings) => {
            let token = Arc::new(Pkcs11::new(name.clone(), pkcs11(settings)));
            let look = Arc::clone(&token);
            (token as _, Box::new(move || seen(look.reload())))
        }
        KeyProvider::Kmip(settings) => {
            let kmip = Arc::new(Kmip::new(name.clone(), kmip(settings)));
            let look = Arc::clone(&kmip);
            (kmip as _, Box::new(move || look_at_kmip(&look)))
        }
        other => anyhow::bail!("is of a kind that this version lacks: {other:?}"),
    })
}

fn limits(times: KeyTimes) -> KeyLimits {
    KeyLimits {
        messages: times.max_messages,
        bytes: times.max_bytes,
        age: times.max_age.duration(),
        revocation_delay: times.revocation_delay.duration(),
        outage_grace: times.outage_grace.duration(),
        calls_per_second: times.max_calls_per_second,
        ..KeyLimits::default()
    }
}

fn aws(provider: &AwsKmsProvider) -> AwsSettings {
    let role = |role: &AwsKmsRole| AwsRole {
        arn: role.role_arn.clone(),
        external_id: role.external_id.clone(),
        session_name: role.session_name.clone(),
        endpoint: role.endpoint.clone(),
    };
    AwsSettings {
        region: provider.region.clone(),
        endpoint: provider.endpoint.clone(),
        fips: provider.fips,
        credentials: match &provider.credentials {
            AwsKmsCredentials::Default => AwsCredentials::Default,
            AwsKmsCredentials::WebIdentity(identity) => AwsCredentials::WebIdentity(AwsWebIdentity {
                role_arn: identity.role_arn.clone(),
                token: path(&identity.token_file),
                session_name: identity.session_name.clone(),
                endpoint: identity.endpoint.clone(),
            }),
            AwsKmsCredentials::Files { access_key_id_file, secret_access_key_file, session_token_file } => {
                AwsCredentials::Files {
                    access_key_id: path(access_key_id_file),
                    secret_access_key: path(secret_access_key_file),
                    session_token: session_token_file.as_ref().map(path),
                }
            }
        },
        role: provider.assume_role.as_ref().map(role),
        ca: provider.tls.as_ref().map(|tls| path(&tls.ca_file)),
    }
}

fn vault(provider: &VaultProvider) -> anyhow::Result<VaultSettings> {
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

fn pkcs11(provider: &Pkcs11Provider) -> Pkcs11Settings {
    Pkcs11Settings {
        module: path(&provider.module),
        token: match &provider.token {
            proxy_config::Pkcs11Token::Label(label) => Pkcs11Token::Label(label.clone()),
            proxy_config::Pkcs11Token::Slot(slot) => Pkcs11Token::Slot(*slot),
        },
        pin: path(&provider.pin_file),
    }
}

fn kmip(provider: &KmipProvider) -> KmipSettings {
    KmipSettings {
        host: provider.address.host().to_string(),
        port: provider.address.port(),
        ca: path(&provider.tls.ca_file),
        certificate: path(&provider.tls.certificate_file),
        key: path(&provider.tls.key_file),
        fetch_keys: provider.fetch_keys,
    }
}

fn tls(tls: &ProviderTls) -> TlsFiles {
    TlsFiles {
        ca: tls.ca_file.as_ref().map(path),
        identity: tls.certificate_file.as_ref().map(path).zip(tls.key_file.as_ref().map(path)),
    }
}

fn path(path: &ConfigPath) -> PathBuf {
    path.as_path().to_owned()
}

fn look_at_local(local: &LocalKeys) -> Seen {
    let changed = local.reload();
    let status = local.status();
    let files = status.problems.iter().map(|problem| format!("{}: {}", problem.file, problem.cause));
    let problems: Vec<String> = status.directory.into_iter().chain(files).collect();
    Seen { changed, problem: (!problems.is_empty()).then(|| problems.join("; ")) }
}

/// What became of looking at files again.
fn seen((changed, problem): (bool, Option<FileError>)) -> Seen {
    Seen { changed, problem: problem.map(|problem| problem.to_string()) }
}

fn look_at_kmip(kmip: &Kmip) -> Seen {
    let (changed, problem) = kmip.reload();
    Seen { changed, problem: problem.map(|problem| problem.to_string()) }
}
