//! Keys in a Transit secrets engine.

use std::path::Path;

use serde::{Serialize, Serializer};

use super::super::read_path;
use super::address::address;
use super::trust::ProviderTls;
use crate::path::ConfigPath;
use crate::reader::Field;

/// A Transit secrets engine of HashiCorp Vault or OpenBao.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultProvider {
    /// The server, `https://host:port`.
    pub address: String,
    /// The namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Where the engine is mounted.
    pub mount: String,
    /// What new data keys are bound to.
    pub binding: VaultBinding,
    /// How to log in.
    pub auth: VaultAuth,
    /// Files for TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTls>,
}

/// What ties a wrapped data key to its cluster, provider and key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum VaultBinding {
    /// Associated data.
    #[default]
    AssociatedData,
    /// A key that is derived for each context.
    DerivedKey,
    /// Nothing.
    None,
}

/// How to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultAuth {
    /// With the service account of the pod.
    Kubernetes(VaultRole),
    /// With another signed token.
    Jwt(VaultRole),
    /// As an application.
    AppRole {
        /// Path of the method below `auth/`.
        mount: String,
        /// File of the role's id.
        role_id_file: ConfigPath,
        /// File of the secret id.
        secret_id_file: ConfigPath,
    },
    /// With a token that somebody else keeps.
    TokenFile(ConfigPath),
}

/// A role that a signed token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultRole {
    /// Path of the method below `auth/`.
    pub mount: String,
    /// The role.
    pub role: String,
    /// File of the signed token.
    pub token_file: ConfigPath,
}

impl VaultProvider {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["address", "namespace", "mount", "binding", "auth", "tls"])?;
        let address = fields.required("address").and_then(|field| field.parsed(address));
        let namespace = fields.optional("namespace").map(|field| field.parsed(namespace));
        let mount = read_mount(fields.optional("mount"), "transit");
        let binding = fields.optional("binding").map(|field| {
            field.choice(&[
                ("AssociatedData", VaultBinding::AssociatedData),
                ("DerivedKey", VaultBinding::DerivedKey),
                ("None", VaultBinding::None),
            ])
        });
        let auth = fields.required("auth").and_then(|field| VaultAuth::read(field, base_dir));
        let tls = fields.optional("tls").map(|field| ProviderTls::read(field, base_dir));
        if let (Some(field), Some(address)) = (fields.optional("tls"), &address)
            && !address.starts_with("https://")
        {
            field.mistake("must be left out with an address without TLS");
        }
        Some(Self {
            address: address?.to_owned(),
            namespace: namespace.map_or(Some(None), |given| given.map(Some))?,
            mount: mount?,
            binding: binding.unwrap_or_else(|| Some(VaultBinding::default()))?,
            auth: auth?,
            tls: tls.map_or(Some(None), |given| given.map(Some))?,
        })
    }
}

impl VaultAuth {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["kubernetes", "jwt", "appRole", "tokenFile"])?;
        let (method, field) = fields.only()?;
        match method {
            "kubernetes" => VaultRole::read(field, base_dir, "kubernetes").map(Self::Kubernetes),
            "jwt" => VaultRole::read(field, base_dir, "jwt").map(Self::Jwt),
            "appRole" => {
                let fields = field.fields(&["mount", "roleIdFile", "secretIdFile"])?;
                let mount = read_mount(fields.optional("mount"), "approle");
                let file = |name| fields.required(name).and_then(|field| read_path(field, base_dir));
                let (role_id_file, secret_id_file) = (file("roleIdFile"), file("secretIdFile"));
                Some(Self::AppRole {
                    mount: mount?,
                    role_id_file: role_id_file?,
                    secret_id_file: secret_id_file?,
                })
            }
            _ => read_path(field, base_dir).map(Self::TokenFile),
        }
    }
}

impl VaultRole {
    fn read(field: &Field<'_>, base_dir: &Path, default_mount: &str) -> Option<Self> {
        let fields = field.fields(&["mount", "role", "tokenFile"])?;
        let mount = read_mount(fields.optional("mount"), default_mount);
        let role = fields.required("role").and_then(|field| field.parsed(role));
        let token_file = fields.required("tokenFile").and_then(|field| read_path(field, base_dir));
        Some(Self { mount: mount?, role: role?.to_owned(), token_file: token_file? })
    }
}

// By hand, since the YAML library writes enums as tags.
impl Serialize for VaultAuth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize, Default)]
        #[serde(rename_all = "camelCase")]
        struct Text<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            kubernetes: Option<&'a VaultRole>,
            #[serde(skip_serializing_if = "Option::is_none")]
            jwt: Option<&'a VaultRole>,
            #[serde(skip_serializing_if = "Option::is_none")]
            app_role: Option<AppRole<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            token_file: Option<&'a ConfigPath>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct AppRole<'a> {
            mount: &'a str,
            role_id_file: &'a ConfigPath,
            secret_id_file: &'a ConfigPath,
        }
        let text = match self {
            Self::Kubernetes(role) => Text { kubernetes: Some(role), ..Text::default() },
            Self::Jwt(role) => Text { jwt: Some(role), ..Text::default() },
            Self::AppRole { mount, role_id_file, secret_id_file } => {
                Text { app_role: Some(AppRole { mount, role_id_file, secret_id_file }), ..Text::default() }
            }
            Self::TokenFile(path) => Text { token_file: Some(path), ..Text::default() },
        };
        text.serialize(serializer)
    }
}

fn read_mount(field: Option<&Field<'_>>, default: &str) -> Option<String> {
    field.map_or_else(|| Some(default.to_owned()), |field| field.parsed(mount).map(str::to_owned))
}

fn mount(text: &str) -> Result<&str, &'static str> {
    if is_path(text) {
        Ok(text)
    } else {
        Err("must be a path of letters, digits, '-', '_' and '.', such as transit")
    }
}

fn namespace(text: &str) -> Result<String, &'static str> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if is_path(text) {
        Ok(text.to_owned())
    } else {
        Err("must be a namespace such as team-a or team-a/payments")
    }
}

fn is_path(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.len() <= 512
        && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed))
}

fn role(text: &str) -> Result<&str, &'static str> {
    let allowed = |b: u8| b.is_ascii_graphic() && b != b'/';
    if (1..=253).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("must be the name of a role, 1 to 253 visible ASCII characters")
    }
}
