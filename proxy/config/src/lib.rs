//! The configuration files that the operator writes and the proxy reads: one definition.
//!
//! Files, all YAML and all strict. [`ProxyConfig`] (`proxy.yaml`) says where the proxy listens, which
//! cluster stands behind it and where keys come from; it is read once, at start. [`Policy`] (`policy.yaml`)
//! says which topics are encrypted with which key; it is read again whenever it changes, and so
//! is [`BrokersFile`], which may say where brokers are. The pages in `proxy/docs` document every field.
//!
//! Text is parsed into types that cannot hold a value the proxy could not use, so nothing downstream checks
//! again. All mistakes are reported at once, as [`ConfigErrors`], because a person fixes a file faster than a
//! line.
//!
//! [`EffectivePolicy`] joins the policy with the [`Ledger`] of what was ever encrypted and answers, for one
//! topic, what the proxy does with it. This crate does no I/O except to read these files and to save the
//! ledger and the history.
//!
//! One thing goes the other way: [`KeyStateName`] is what a proxy tells the operator of a key.

mod address;
mod brokers_file;
mod durable;
mod duration;
mod error;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod key_state;
mod name;
mod path;
mod policy;
mod proxy;
mod reader;
mod yaml;

pub use self::address::{AddressError, BrokerId, Host, HostPort};
pub use self::brokers_file::BrokersFile;
pub use self::duration::Span;
pub use self::error::{ConfigErrors, Mistake};
pub use self::file::{MAX_FILE_BYTES, read_text};
pub use self::key_state::KeyStateName;
pub use self::name::{
    ClusterName, HeaderName, KeyName, ListenerName, NameError, ProviderName, TopicName, TopicPrefix, UserName,
};
pub use self::path::ConfigPath;
pub use self::policy::{
    Action, Boundary, Decision, EffectivePolicy, EncryptRule, Explanation, Format, History, HistoryError,
    InvalidPseudonymKey, InvalidTopicId, KeyRef, KnownKeys, KroxyliciousKeys, Ledger, LedgerError, Legacy,
    OnPlaintext, OnUnreadable, Pattern, Policy, PseudonymKey, Rotations, Rule, SealedHeaders, Specificity,
    TopicHistory, TopicId, UnmatchedTopics, Winner, internal_topics, is_internal_topic,
};
pub use self::proxy::{
    Admin, AuthenticationMethod, AwsKmsCredentials, AwsKmsProvider, AwsKmsRole, AwsKmsWebIdentity,
    BrokerAddresses, BrokerNames, BrokerPorts, CipherSuite, ClientCertificates, ClientIdentity, Drain,
    KeyProvider, KeyTimes, KmipProvider, KmipTls, Limits, Listener, Log, LogFormat, LogLevel, NamePattern,
    NamePatternError, Pkcs11Provider, Pkcs11Token, PolicyFiles, Principal, ProviderTls, ProxyConfig,
    ScramUser, ServerTls, TlsVersion, ToolsConfig, Upstream, UpstreamAuthentication, UpstreamTls, VaultAuth,
    VaultBinding, VaultProvider, VaultRole,
};
pub use self::proxy::{AzureAlgorithm, AzureApplication, AzureCredentials, AzureKeyVaultProvider};
pub use self::proxy::{GcpKmsCredentials, GcpKmsProvider, GcpWorkloadIdentity, ProviderTrust};
pub use self::proxy::{IbmCredentials, IbmKeyProtectProvider, IbmTrustedProfile};
