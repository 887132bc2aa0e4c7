//! The resources of `encryption.strimzi.io/v1alpha1`: what a data owner says ([`TopicEncryptionPolicy`]) and what a
//! platform owner says ([`EncryptionProxy`]).
//!
//! Descriptions, defaults, bounds and rules of validation stand here alone; the files below `crds/` are generated from
//! them and so are the answers of `kubectl explain`.
#![allow(unreachable_pub, reason = "schema derives repeat each type inside a function")]
#![allow(clippy::duplicated_attributes, reason = "columns have a type each")]

mod key_provider;
mod legacy;
mod limits;
mod listener;
pub mod manifests;
mod policy;
mod proxy;
mod references;
mod status;
mod template;

pub use key_provider::{
    AwsAccessKey, AwsCredentials, AwsInstance, AwsKmsProvider, AwsRole, AwsWebIdentity, KeyProvider,
    KeyTimes, KmipProvider, LocalProvider, Pkcs11Provider, ProviderTls, ProviderTrust, VaultAppRole,
    VaultAuthentication, VaultBinding, VaultProvider, VaultRole,
};
pub use key_provider::{
    AzureAlgorithm, AzureClientSecret, AzureCredentials, AzureKeyVaultProvider, AzureWorkloadIdentity,
};
pub use key_provider::{GcpCredentials, GcpKmsProvider, GcpServiceAccountKey, GcpWorkloadIdentity};
pub use key_provider::{IbmApiKey, IbmCredentials, IbmKeyProtectProvider, IbmTrustedProfile};
pub use legacy::{LegacyFormat, LegacyFormatName};
pub use limits::Limits;
pub use listener::{
    BrokerNames, CipherSuite, ClientAuthentication, ClientAuthenticationType, ClientCertificates, GatewayRef,
    Listener, ListenerType, TlsRoute, TlsVersion,
};
pub use policy::{
    Encryption, OnPlaintext, OnUnreadable, PolicyRule, RecordFormat, RecordKeys, TopicEncryptionPolicy,
    TopicEncryptionPolicySpec, TopicPattern,
};
pub use proxy::{
    AllowedPolicies, EncryptionProxy, EncryptionProxySpec, EnvelopeKeys, LogFormat, LogLevel, Logging,
    NamespacesFrom, ProxyTls, UnmatchedTopics, UpstreamAuthentication,
};
pub use references::{KafkaRef, KeyRef, LocalRef};
pub use status::{EncryptionProxyStatus, KeyInUse, ListenerAddress, ProxyCount, TopicEncryptionPolicyStatus};
pub use template::{
    AdditionalVolume, ContainerTemplate, DeploymentStrategy, DeploymentTemplate, ExternalServiceTemplate,
    ExternalTrafficPolicy, Metadata, MetadataOnly, PodDisruptionBudgetTemplate, PodTemplate, Probe,
    ServiceTemplate, Template,
};

/// The API group of all resources.
pub const GROUP: &str = "encryption.strimzi.io";
