//! Key providers on key management systems, each behind a feature of its own.
//!
//! A provider translates: a [`KmsContext`](proxy_crypto::KmsContext) into what its system binds a wrapped key to, and the
//! system's answers into [`ProviderError`](proxy_crypto::ProviderError). Time limits, single flight, caches and the circuit
//! breaker are those of [`Keys`](proxy_crypto::Keys), the same for all.
#![warn(clippy::indexing_slicing)]

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "azure")]
mod azure;
#[cfg(any(feature = "azure", feature = "gcp", feature = "ibm"))]
mod connection;
#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "a provider alone needs a part of it"))]
mod files;
#[cfg(any(feature = "fuzzing", all(test, feature = "default")))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "gcp")]
mod gcp;
#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "a provider alone needs a part of it"))]
mod http;
#[cfg(feature = "ibm")]
mod ibm;
#[cfg(any(feature = "aws", feature = "ibm"))]
mod id;
#[cfg(feature = "kmip")]
mod kmip;
#[cfg(any(feature = "azure", feature = "gcp", feature = "ibm"))]
mod oauth;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(any(feature = "kmip", feature = "pkcs11"))]
mod proved;
mod question;
#[cfg(any(feature = "azure", feature = "gcp", feature = "ibm", feature = "vault"))]
mod session;
#[cfg(feature = "vault")]
mod vault;
#[cfg(any(feature = "azure", feature = "gcp", feature = "ibm"))]
mod wrapped;

#[cfg(feature = "aws")]
pub use self::aws::{AwsCredentials, AwsKms, AwsRole, AwsSettings, AwsWebIdentity};
#[cfg(feature = "azure")]
pub use self::azure::{AzureAlgorithm, AzureCredentials, AzureKeyVault, AzureProof, AzureSettings};
pub use self::files::FileError;
#[cfg(feature = "gcp")]
pub use self::gcp::{GcpCredentials, GcpFederation, GcpKms, GcpSettings};
pub use self::http::{HttpError, TlsFiles};
#[cfg(feature = "ibm")]
pub use self::ibm::{IbmCredentials, IbmKeyProtect, IbmSettings};
#[cfg(feature = "kmip")]
pub use self::kmip::{Kmip, KmipSettings};
#[cfg(feature = "pkcs11")]
pub use self::pkcs11::{Pkcs11, Pkcs11Settings, Pkcs11Token};
#[cfg(feature = "vault")]
pub use self::vault::{Binding, Login, Vault, VaultSettings};
