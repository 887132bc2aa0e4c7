//! ShareFetch and `ShareAcknowledge`.

use super::{Brokers, FetchRequestPartition, MAX_ELEMENTS, Topics, fill, narrow, narrow16};
use crate::wire::schema::Role;
use crate::wire::walk::Visitor;
use crate::wire::{Count, Direction, Span, WireError};

/// A ShareFetch request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareFetchRequestView {
    /// The request's number in the session; 0 opens one, −1 closes it.
    pub session_epoch: i32,
    /// How long the broker may wait for data.
    pub max_wait_ms: i32,
    /// How much data it should wait for.
    pub min_bytes: i32,
    /// The most that should come.
    pub max_bytes: i32,
    /// The field of that maximum.
    pub max_bytes_field: Span,
    /// The most records that should come.
    pub max_records: i32,
    /// Whether it keeps records for longer, and takes none (KIP-1222).
    pub is_renewal: bool,
    /// Records in one acquired range.
    pub batch_size: i32,
    /// What to fetch or acknowledge.
    pub topics: Topics<FetchRequestPartition>,
}

/// Finds the fields of a ShareFetch request, versions 1 and 2.
pub fn share_fetch_request(
    version: i16,
    body: &[u8],
    out: &mut ShareFetchRequestView,
) -> Result<(), WireError> {
    fill(78, Direction::Request, version, body, out, ShareFetchRequestView::clear)
}

impl ShareFetchRequestView {
    fn clear(&mut self) {
        let Self { topics, .. } = std::mem::take(self);
        self.topics = topics;
        self.topics.clear();
    }
}

impl Visitor for ShareFetchRequestView {
    fn exceeded(&self) -> Option<usize> {
        self.topics.exceeded(MAX_ELEMENTS)
    }

    fn int(&mut self, role: Role, span: Span, value: i64) {
        match role {
            Role::SessionEpoch => self.session_epoch = narrow(value),
            Role::MaxWaitMs => self.max_wait_ms = narrow(value),
            Role::MinBytes => self.min_bytes = narrow(value),
            Role::MaxRecords => self.max_records = narrow(value),
            Role::IsRenewal => self.is_renewal = value != 0,
            Role::BatchSize => self.batch_size = narrow(value),
            Role::MaxBytes => {
                self.max_bytes = narrow(value);
                self.max_bytes_field = span;
            }
            _ => {
                if let Some(partition) = self.topics.last() {
                    partition.int(role, span, value);
                }
            }
        }
    }

    fn uuid(&mut self, role: Role, value: [u8; 16]) {
        self.topics.uuid(role, value);
    }

    fn array(&mut self, role: Role, count: Count) {
        self.topics.array(role, count);
    }

    fn enter(&mut self, role: Role) {
        self.topics.enter(role);
    }

    fn leave(&mut self, role: Role, element: Span) {
        if let Some(partition) = self.topics.leave(role, element) {
            partition.element = element;
        }
    }
}

/// A partition of a ShareFetch or `ShareAcknowledge` response. The fields about records are empty in the latter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShareFetchPartition {
    /// Its index.
    pub index: i32,
    /// 0 if it could be read.
    pub error_code: i16,
    /// The error code's field.
    pub error_field: Span,
    /// The message's field.
    pub error_message_field: Span,
    /// The record data; `None` if null.
    pub records: Option<Span>,
    /// The record data with its length prefix.
    pub records_field: Span,
    /// The count of the array of acquired ranges.
    pub acquired_count: Count,
    /// That array with its count.
    pub acquired_field: Span,
    /// The whole array element.
    pub element: Span,
}

/// A ShareFetch or `ShareAcknowledge` response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareFetchView {
    /// The error of the whole answer.
    pub error_code: i16,
    /// What was fetched.
    pub topics: Topics<ShareFetchPartition>,
    /// `node_endpoints`, here not a tagged field.
    pub brokers: Brokers,
}

/// Finds the fields of a ShareFetch response, versions 1 and 2.
pub fn share_fetch_response(version: i16, body: &[u8], out: &mut ShareFetchView) -> Result<(), WireError> {
    fill(78, Direction::Response, version, body, out, ShareFetchView::clear)
}

/// Finds the fields of a `ShareAcknowledge` response, versions 1 and 2.
pub fn share_acknowledge_response(
    version: i16,
    body: &[u8],
    out: &mut ShareFetchView,
) -> Result<(), WireError> {
    fill(79, Direction::Response, version, body, out, ShareFetchView::clear)
}

impl ShareFetchView {
    fn clear(&mut self) {
        self.error_code = 0;
        self.topics.clear();
        self.brokers.clear();
    }
}

impl Visitor for ShareFetchView {
    fn exceeded(&self) -> Option<usize> {
        self.topics.exceeded(MAX_ELEMENTS)
    }

    fn int(&mut self, role: Role, span: Span, value: i64) {
        match role {
            Role::TopErrorCode => self.error_code = narrow16(value),
            Role::NodeId | Role::Port => self.brokers.int(role, span, value),
            _ => {
                if let Some(partition) = self.topics.last() {
                    partition.int(role, span, value);
                }
            }
        }
    }

    fn uuid(&mut self, role: Role, value: [u8; 16]) {
        self.topics.uuid(role, value);
    }

    fn bytes(&mut self, role: Role, field: Span, content: Option<Span>) {
        if let Some(partition) = self.topics.last() {
            match role {
                Role::ErrorMessage => partition.error_message_field = field,
                Role::Records => {
                    partition.records = content;
                    partition.records_field = field;
                }
                _ => {}
            }
        }
        self.brokers.bytes(role, field, content);
    }

    fn array(&mut self, role: Role, count: Count) {
        self.topics.array(role, count);
        self.brokers.array(role, count);
        if role == Role::AcquiredRecords
            && let Some(partition) = self.topics.last()
        {
            partition.acquired_count = count;
            partition.acquired_field = count.span;
        }
    }

    fn enter(&mut self, role: Role) {
        self.topics.enter(role);
        self.brokers.enter(role);
    }

    fn leave(&mut self, role: Role, element: Span) {
        if let Some(partition) = self.topics.leave(role, element) {
            partition.element = element;
        } else if role == Role::AcquiredRecords
            && let Some(partition) = self.topics.last()
        {
            partition.acquired_field.end = element.end;
        }
        self.brokers.leave(role, element);
    }
}

impl ShareFetchPartition {
    fn int(&mut self, role: Role, span: Span, value: i64) {
        match role {
            Role::PartitionIndex => self.index = narrow(value),
            Role::ErrorCode => {
                self.error_code = narrow16(value);
                self.error_field = span;
            }
            _ => {}
        }
    }
}
