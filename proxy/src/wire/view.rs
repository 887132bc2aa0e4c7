//! Where in a body the interesting fields are. Views keep their memory from message to message; one that could not be
//! filled is left empty, never half filled.

mod alterations;
mod brokers;
mod fetch;
mod metadata;
mod produce;
mod share;
mod topics;

pub use alterations::{AlterationsView, AlteredResource, alterations_response};
pub use brokers::{BrokerSpans, Brokers};
pub use fetch::{
    FetchPartition, FetchRequestPartition, FetchRequestView, FetchView, fetch_request, fetch_response,
};
pub use metadata::{
    MetadataTopic, MetadataView, describe_cluster_response, find_coordinator_response, metadata_response,
};
pub use produce::{
    ProducePartition, ProduceResponsePartition, ProduceResponseView, ProduceView, produce_request,
    produce_response,
};
pub use share::{
    ShareFetchPartition, ShareFetchRequestView, ShareFetchView, share_acknowledge_response,
    share_fetch_request, share_fetch_response,
};
pub use topics::{Topic, Topics};

use topics::MAX_ELEMENTS;

use super::schema::Role;
use super::walk::{self, Visitor};
use super::{Direction, WireError, schema};

/// Fills `view` from a body, or leaves it empty.
fn fill<V: Visitor>(
    api_key: i16,
    direction: Direction,
    version: i16,
    body: &[u8],
    view: &mut V,
    clear: fn(&mut V),
) -> Result<(), WireError> {
    clear(view);
    let message = schema::find(api_key, version, direction)?;
    walk::walk(message, version, body, view).inspect_err(|_| clear(view))
}

/// Counts the elements of all arrays.
#[derive(Default)]
pub(super) struct Elements(usize);

impl Visitor for Elements {
    fn exceeded(&self) -> Option<usize> {
        (self.0 > MAX_ELEMENTS).then_some(MAX_ELEMENTS)
    }

    fn enter(&mut self, _role: Role) {
        self.0 = self.0.saturating_add(1);
    }
}

/// An integer whose field is 32 bits wide.
fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or_default()
}

/// An integer whose field is 16 bits wide.
fn narrow16(value: i64) -> i16 {
    i16::try_from(value).unwrap_or_default()
}
