//! The audit log: what was asked of providers and how they answered, which data keys came and went. Never material.
//!
//! Events have the target `audit`, by which the program writes them to a stream of their own.

use std::time::Duration;

use super::scope::Topics;
use crate::context::KmsContext;
use crate::digest::sha256;
use crate::provider::ProviderError;

/// Half of a SHA-256.
const DATA_KEY_DIGITS: usize = 32;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Generate,
    Wrap,
    Unwrap,
    UnwrapLegacy,
}

/// A call that a provider answered, or did not, or that was given up.
pub(super) fn call(
    context: &KmsContext,
    operation: Operation,
    topics: Option<&Topics>,
    data_key: Option<(&[u8], Option<String>)>,
    error: Option<&ProviderError>,
    took: Duration,
) {
    let operation = match operation {
        Operation::Generate => "generate",
        Operation::Wrap => "wrap",
        Operation::Unwrap => "unwrap",
        Operation::UnwrapLegacy => "unwrapLegacy",
    };
    let (data_key, version) =
        data_key.map_or((None, None), |(wrapped, version)| (Some(data_key_id(wrapped)), version));
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        target: "audit",
        event = "keyProviderCall",
        cluster = context.cluster.as_str(),
        provider = context.provider.as_str(),
        key = context.key.as_str(),
        operation,
        topics = topics.map(|topics| topics.listed.as_str()),
        more_topics = topics.map(|topics| topics.more).filter(|more| *more > 0),
        outcome = ProviderError::outcome(error),
        version,
        data_key,
        cause = error.map(ProviderError::cause),
        milliseconds,
    );
}

/// A data key that data is sealed with from now on.
pub(super) fn in_use(context: &KmsContext, wrapped: &[u8], version: Option<&str>) {
    tracing::info!(
        target: "audit",
        event = "dataKeyInUse",
        cluster = context.cluster.as_str(),
        provider = context.provider.as_str(),
        key = context.key.as_str(),
        version,
        data_key = data_key_id(wrapped),
    );
}

/// A data key that nothing is sealed with any more, with what it sealed.
pub(super) fn retired(context: &KmsContext, wrapped: &[u8], messages: u64, bytes: u64, age: Duration) {
    tracing::info!(
        target: "audit",
        event = "dataKeyRetired",
        cluster = context.cluster.as_str(),
        provider = context.provider.as_str(),
        key = context.key.as_str(),
        data_key = data_key_id(wrapped),
        messages,
        bytes,
        seconds = age.as_secs(),
    );
}

/// Tells data keys apart in the audit log: the first half of the SHA-256 of the wrapped key, which stands in envelopes.
pub fn data_key_id(wrapped: &[u8]) -> String {
    let mut digits = sha256(wrapped);
    digits.truncate(DATA_KEY_DIGITS);
    digits
}
