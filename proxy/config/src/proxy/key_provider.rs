//! Where key-encryption keys are.

mod address;
mod aws;
mod azure;
mod gcp;
mod ibm;
mod kmip;
mod pkcs11;
#[cfg(test)]
mod testing;
mod trust;
mod vault;

use std::collections::BTreeMap;
use std::path::Path;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

pub use self::aws::{AwsKmsCredentials, AwsKmsProvider, AwsKmsRole, AwsKmsWebIdentity};
pub use self::azure::{AzureAlgorithm, AzureApplication, AzureCredentials, AzureKeyVaultProvider};
pub use self::gcp::{GcpKmsCredentials, GcpKmsProvider, GcpWorkloadIdentity};
pub use self::ibm::{IbmCredentials, IbmKeyProtectProvider, IbmTrustedProfile};
pub use self::kmip::{KmipProvider, KmipTls};
pub use self::pkcs11::{Pkcs11Provider, Pkcs11Token};
pub use self::trust::{ProviderTls, ProviderTrust};
pub use self::vault::{VaultAuth, VaultBinding, VaultProvider, VaultRole};

use super::read_path;
use crate::name::ProviderName;
use crate::path::ConfigPath;
use crate::reader::Field;

/// A key provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a configuration has a few of them")]
pub enum KeyProvider {
    /// Keys in files that the proxy itself can read.
    Local {
        /// The directory of the key files.
        directory: ConfigPath,
    },
    /// Keys in AWS KMS.
    AwsKms(Box<AwsKmsProvider>),
    /// Keys in Azure Key Vault.
    AzureKeyVault(Box<AzureKeyVaultProvider>),
    /// Keys in Google Cloud KMS.
    GcpKms(Box<GcpKmsProvider>),
    /// Keys in IBM Key Protect.
    IbmKeyProtect(Box<IbmKeyProtectProvider>),
    /// Keys in a Transit secrets engine.
    Vault(Box<VaultProvider>),
    /// Keys in a hardware security module.
    Pkcs11(Pkcs11Provider),
    /// Keys of a KMIP server.
    Kmip(Box<KmipProvider>),
}

pub(super) fn read_all(field: &Field<'_>, base_dir: &Path) -> Option<BTreeMap<ProviderName, KeyProvider>> {
    let mut providers = BTreeMap::new();
    let entries = field.entries()?;
    if entries.is_empty() {
        field.mistake("must have at least one entry");
    }
    for (key, entry) in entries {
        let name =
            ProviderName::new(key).map_err(|error| entry.mistake(format!("has a name that {error}"))).ok();
        let provider = KeyProvider::read(&entry, base_dir);
        if let (Some(name), Some(provider)) = (name, provider) {
            providers.insert(name, provider);
        }
    }
    Some(providers)
}

impl KeyProvider {
    /// The name that a file calls this kind by.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local { .. } => "local",
            Self::AwsKms(_) => "awsKms",
            Self::AzureKeyVault(_) => "azureKeyVault",
            Self::GcpKms(_) => "gcpKms",
            Self::IbmKeyProtect(_) => "ibmKeyProtect",
            Self::Vault(_) => "vault",
            Self::Pkcs11(_) => "pkcs11",
            Self::Kmip(_) => "kmip",
        }
    }

    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&[
            "local",
            "vault",
            "awsKms",
            "azureKeyVault",
            "gcpKms",
            "ibmKeyProtect",
            "pkcs11",
            "kmip",
        ])?;
        let (kind, field) = fields.only()?;
        match kind {
            "vault" => VaultProvider::read(field, base_dir).map(|vault| Self::Vault(Box::new(vault))),
            "awsKms" => AwsKmsProvider::read(field, base_dir).map(|aws| Self::AwsKms(Box::new(aws))),
            "azureKeyVault" => {
                AzureKeyVaultProvider::read(field, base_dir).map(|azure| Self::AzureKeyVault(Box::new(azure)))
            }
            "gcpKms" => GcpKmsProvider::read(field, base_dir).map(|gcp| Self::GcpKms(Box::new(gcp))),
            "ibmKeyProtect" => {
                IbmKeyProtectProvider::read(field, base_dir).map(|ibm| Self::IbmKeyProtect(Box::new(ibm)))
            }
            "pkcs11" => Pkcs11Provider::read(field, base_dir).map(Self::Pkcs11),
            "kmip" => KmipProvider::read(field, base_dir).map(|kmip| Self::Kmip(Box::new(kmip))),
            _ => {
                let fields = field.fields(&["directory"])?;
                let directory = fields.required("directory").and_then(|field| read_path(field, base_dir))?;
                Some(Self::Local { directory })
            }
        }
    }
}

// By hand, since the YAML library writes enums as tags.
impl Serialize for KeyProvider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        let kind = self.kind();
        match self {
            Self::Local { directory } => {
                map.serialize_entry(kind, &BTreeMap::from([("directory", directory)]))?;
            }
            Self::AwsKms(aws) => map.serialize_entry(kind, aws)?,
            Self::AzureKeyVault(azure) => map.serialize_entry(kind, azure)?,
            Self::GcpKms(gcp) => map.serialize_entry(kind, gcp)?,
            Self::IbmKeyProtect(ibm) => map.serialize_entry(kind, ibm)?,
            Self::Vault(vault) => map.serialize_entry(kind, vault)?,
            Self::Pkcs11(pkcs11) => map.serialize_entry(kind, pkcs11)?,
            Self::Kmip(kmip) => map.serialize_entry(kind, kmip)?,
        }
        map.end()
    }
}
