//! Kafka messages as bytes: validated, looked into and rewritten without decoding them.
//!
//! [`check`] walks a body along its schema. A body that passes is safe to hand to the `kafka-protocol` crate, whose
//! decoder trusts array counts and would otherwise take memory for whatever a peer writes there. The views
//! ([`produce_request`], [`fetch_response`], …) do the same walk and note where the few interesting fields are, so that
//! a message can be rewritten with [`Edits`]: all bytes outside the edited spans stay as they are, unknown tagged
//! fields included. [`mod@write`] encodes what the proxy says by itself.
//!
//! Nothing here allocates by a number that a peer sent, recurses on a peer's data or panics on any input. Record
//! batches are opaque here.
#![warn(clippy::indexing_slicing)]

mod cursor;
mod edit;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod generator;
mod head;
mod schema;
mod span;
mod view;
mod walk;
pub mod write;

#[cfg(test)]
mod tests;

pub use edit::{Assembly, EditError, Edits, Part};
pub use head::{RequestHead, ResponseHead, request_header, response_header};
pub use span::{Count, Span, TopicKey, TopicRef};
pub use view::{
    AlterationsView, AlteredResource, BrokerSpans, Brokers, FetchPartition, FetchRequestPartition,
    FetchRequestView, FetchView, MetadataTopic, MetadataView, ProducePartition, ProduceResponsePartition,
    ProduceResponseView, ProduceView, ShareFetchPartition, ShareFetchRequestView, ShareFetchView, Topic,
    Topics, alterations_response, describe_cluster_response, fetch_request, fetch_response,
    find_coordinator_response, metadata_response, produce_request, produce_response,
    share_acknowledge_response, share_fetch_request, share_fetch_response,
};

use thiserror::Error;

/// Which half of an API's pair of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    Request,
    /// From the broker.
    Response,
}

/// Why bytes are not the message that they claim to be. Carries positions only, never a peer's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// There is no schema for this API and version.
    #[error("API {0} version {1} has no schema")]
    Unsupported(i16, i16),
    /// The bytes end inside a field.
    #[error("message ends inside the field at byte {0}")]
    Truncated(usize),
    /// A variable-length integer has more than 32 bits.
    #[error("integer at byte {0} has more than 32 bits")]
    Varint(usize),
    /// A length is negative, or null where null is not allowed.
    #[error("length at byte {0} is negative, or null where the field is required")]
    Length(usize),
    /// An array claims more elements than there are bytes left.
    #[error("array at byte {0} claims more elements than bytes follow")]
    Count(usize),
    /// There are more elements, in most messages topics and partitions together, than one may have.
    #[error(
        "message has more than {1} elements (topics and partitions), the first of them too many at byte {0}"
    )]
    TooMany(usize, usize),
    /// A string is not UTF-8.
    #[error("string at byte {0} is not UTF-8")]
    Utf8(usize),
    /// Tagged fields are repeated or not in ascending order.
    #[error("tagged field at byte {0} is repeated or out of order")]
    TagOrder(usize),
    /// A tag does not exist at this version, or is too large to be one.
    #[error("tagged field at byte {0} is not valid for the version")]
    Tag(usize),
    /// A known tagged field's content is shorter or longer than its size says.
    #[error("tagged field at byte {0} does not fill its size")]
    TagSize(usize),
    /// Bytes follow the message.
    #[error("bytes follow the message's end at byte {0}")]
    Trailing(usize),
}

/// Whether there is a schema for this API and version, that is, whether [`check`] can pass.
pub fn supports(api_key: i16, version: i16, direction: Direction) -> bool {
    schema::find(api_key, version, direction).is_ok()
}

/// Validates a body: every length and count fits, strings are UTF-8, and nothing follows. Decoding it with the
/// `kafka-protocol` crate is safe afterwards, as far as that crate knows the version.
pub fn check(api_key: i16, version: i16, direction: Direction, body: &[u8]) -> Result<(), WireError> {
    let message = schema::find(api_key, version, direction)?;
    walk::walk(message, version, body, &mut walk::Nothing)
}

/// The same, and that it has no more elements than views note: decoded, each takes many times the bytes that it has in a message.
pub fn check_bounded(api_key: i16, version: i16, direction: Direction, body: &[u8]) -> Result<(), WireError> {
    let message = schema::find(api_key, version, direction)?;
    walk::walk(message, version, body, &mut view::Elements::default())
}
