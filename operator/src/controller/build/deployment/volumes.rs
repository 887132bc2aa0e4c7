//! What proxies see of ConfigMaps and Secrets: mounted files, which follow their objects while the proxies run.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath, SecretVolumeSource, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use operator_api::AdditionalVolume;

use crate::controller::build::key_providers;
use crate::fleet::{Authentication, Fleet, Provider, Trust};

const CONFIG_DIRECTORY: &str = "/etc/topic-encryption";
/// Below it a directory for each provider.
pub(crate) const KEYS_DIRECTORY: &str = "/etc/topic-encryption-keys";
pub(crate) const SERVER_CERTIFICATE_DIRECTORY: &str = "/etc/topic-encryption-tls";
pub(crate) const UPSTREAM_CA_DIRECTORY: &str = "/etc/topic-encryption-upstream/ca";
pub(crate) const UPSTREAM_USER_DIRECTORY: &str = "/etc/topic-encryption-upstream/user";
/// The volume with what the proxies log in with at brokers.
pub(crate) const UPSTREAM_USER_VOLUME: &str = "upstream-user";
/// The entry of a Secret with what was revoked.
pub(crate) const REVOKED_FILE: &str = "ca.crl";
const TMP_SIZE: &str = "5Mi";
/// Group-readable only: the proxies' user is not the owner of mounted files.
const SECRET_MODE: i32 = 0o440;

/// Where the authority of a listener's clients is.
pub(crate) fn client_ca_directory(listener: &str) -> String {
    format!("/etc/topic-encryption-clients/{listener}")
}

/// Where it is said what was revoked of their certificates.
pub(crate) fn revoked_directory(listener: &str) -> String {
    format!("/etc/topic-encryption-revoked/{listener}")
}

/// A volume with the place where it is mounted.
struct Mounted {
    volume: Volume,
    path: String,
    writable: bool,
}

impl Mounted {
    /// Of a Secret, these entries alone.
    fn with_items(mut self, entries: &[&str]) -> Self {
        let item =
            |entry: &&str| KeyToPath { key: (*entry).to_owned(), path: (*entry).to_owned(), mode: None };
        if let Some(source) = &mut self.volume.secret {
            source.items = Some(entries.iter().map(item).collect());
        }
        self
    }
}

pub(super) fn volumes(fleet: &Fleet, tmp_size: Option<&str>) -> Vec<Volume> {
    all(fleet, tmp_size).into_iter().map(|mounted| mounted.volume).collect()
}

pub(super) fn mounts(fleet: &Fleet) -> Vec<VolumeMount> {
    let mounts = all(fleet, None).into_iter().map(|mounted| VolumeMount {
        name: mounted.volume.name,
        mount_path: mounted.path,
        read_only: (!mounted.writable).then_some(true),
        ..VolumeMount::default()
    });
    mounts.collect()
}

/// A volume that the user adds.
pub(super) fn additional(volume: AdditionalVolume) -> Volume {
    let AdditionalVolume { name, secret, config_map, empty_dir, persistent_volume_claim, csi, image } =
        volume;
    Volume { name, secret, config_map, empty_dir, persistent_volume_claim, csi, image, ..Volume::default() }
}

/// The Secrets that pods mount.
pub(crate) fn mounted_secrets(fleet: &Fleet) -> Vec<String> {
    let sources = all(fleet, None).into_iter().filter_map(|mounted| mounted.volume.secret?.secret_name);
    sources.collect()
}

fn all(fleet: &Fleet, tmp_size: Option<&str>) -> Vec<Mounted> {
    let mut all = vec![
        config_map("config", CONFIG_DIRECTORY, fleet.names.config()),
        memory("tmp", "/tmp", tmp_size.unwrap_or(TMP_SIZE)),
    ];
    for (index, (name, provider)) in fleet.providers.iter().enumerate() {
        let (volume, path) = (format!("keys-{index}"), format!("{KEYS_DIRECTORY}/{name}"));
        if let Provider::Local { secret: object, .. } = provider {
            all.push(secret(&volume, &path, object));
        } else if let Some(files) = key_providers::files(provider) {
            let volume = Volume { name: volume, projected: Some(files), ..Volume::default() };
            all.push(Mounted { volume, path, writable: false });
        }
    }
    if fleet.serves_tls() {
        all.push(secret("tls", SERVER_CERTIFICATE_DIRECTORY, &fleet.certificate_secret()));
    }
    if let Some(Trust::Secret(object)) = &fleet.upstream.trust {
        all.push(secret("upstream-ca", UPSTREAM_CA_DIRECTORY, object));
    }
    if let Some(authentication) = &fleet.upstream.authentication {
        let user = secret(UPSTREAM_USER_VOLUME, UPSTREAM_USER_DIRECTORY, authentication.secret());
        all.push(user.with_items(entries(authentication)));
    }
    for listener in &fleet.listeners {
        let Some(clients) = &listener.clients else { continue };
        let name = format!("clients-{}", listener.name);
        all.push(secret(&name, &client_ca_directory(&listener.name), clients.authority.secret()));
        if let Some(object) = &clients.revoked {
            let path = revoked_directory(&listener.name);
            all.push(secret(&format!("{name}-crl"), &path, object).with_items(&[REVOKED_FILE]));
        }
    }
    all
}

fn config_map(name: &str, path: &str, object: String) -> Mounted {
    let source = ConfigMapVolumeSource { name: object, ..ConfigMapVolumeSource::default() };
    let volume = Volume { name: name.to_owned(), config_map: Some(source), ..Volume::default() };
    Mounted { volume, path: path.to_owned(), writable: false }
}

fn secret(name: &str, path: &str, object: &str) -> Mounted {
    let source = SecretVolumeSource {
        secret_name: Some(object.to_owned()),
        default_mode: Some(SECRET_MODE),
        ..SecretVolumeSource::default()
    };
    let volume = Volume { name: name.to_owned(), secret: Some(source), ..Volume::default() };
    Mounted { volume, path: path.to_owned(), writable: false }
}

/// What the proxies log in with. Strimzi puts more into the Secret of a user, such as a second copy of its key.
fn entries(authentication: &Authentication) -> &'static [&'static str] {
    match authentication {
        Authentication::Tls { .. } => &["user.crt", "user.key"],
        Authentication::ScramSha512 { .. } => &["password"],
    }
}

fn memory(name: &str, path: &str, size: &str) -> Mounted {
    let source = EmptyDirVolumeSource {
        medium: Some("Memory".to_owned()),
        size_limit: Some(Quantity(size.to_owned())),
    };
    let volume = Volume { name: name.to_owned(), empty_dir: Some(source), ..Volume::default() };
    Mounted { volume, path: path.to_owned(), writable: true }
}
