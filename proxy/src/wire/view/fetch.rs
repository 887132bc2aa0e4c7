//! Fetch requests and responses.

use super::{Brokers, MAX_ELEMENTS, Topics, fill, narrow, narrow16};
use crate::wire::schema::Role;
use crate::wire::walk::Visitor;
use crate::wire::{Count, Direction, Span, WireError};

/// A partition of a Fetch or ShareFetch request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FetchRequestPartition {
    /// Its index.
    pub index: i32,
    /// From where to fetch; 0 in ShareFetch, where the broker knows.
    pub offset: i64,
    /// The most that should come from this partition; 0 in ShareFetch.
    pub max_bytes: i32,
    /// The field of that maximum; empty in ShareFetch.
    pub max_bytes_field: Span,
    /// The whole array element.
    pub element: Span,
}

/// A Fetch request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FetchRequestView {
    /// The follower that asks; −1, or `None` from version 15 on, for a consumer.
    pub replica_id: Option<i32>,
    /// How long the broker may wait for data.
    pub max_wait_ms: i32,
    /// How much data it should wait for.
    pub min_bytes: i32,
    /// The most that should come (3 and later).
    pub max_bytes: Option<i32>,
    /// The field of that maximum; empty below version 3.
    pub max_bytes_field: Span,
    /// The fetch session (7 and later), 0 for none.
    pub session_id: i32,
    /// The request's number in the session (7 and later); −1 for no session.
    pub session_epoch: i32,
    /// What to fetch, or what to add to the session.
    pub topics: Topics<FetchRequestPartition>,
}

/// Finds the fields of a Fetch request, versions 0 to 18.
pub fn fetch_request(version: i16, body: &[u8], out: &mut FetchRequestView) -> Result<(), WireError> {
    fill(1, Direction::Request, version, body, out, FetchRequestView::clear)
}

impl FetchRequestView {
    fn clear(&mut self) {
        let Self { topics, .. } = std::mem::take(self);
        self.topics = topics;
        self.topics.clear();
        self.session_epoch = -1;
    }
}

impl Visitor for FetchRequestView {
    fn exceeded(&self) -> Option<usize> {
        self.topics.exceeded(MAX_ELEMENTS)
    }

    fn int(&mut self, role: Role, span: Span, value: i64) {
        match role {
            Role::ReplicaId => self.replica_id = Some(narrow(value)),
            Role::MaxWaitMs => self.max_wait_ms = narrow(value),
            Role::MinBytes => self.min_bytes = narrow(value),
            Role::MaxBytes => {
                self.max_bytes = Some(narrow(value));
                self.max_bytes_field = span;
            }
            Role::SessionId => self.session_id = narrow(value),
            Role::SessionEpoch => self.session_epoch = narrow(value),
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

    fn bytes(&mut self, role: Role, _field: Span, content: Option<Span>) {
        if role == Role::TopicName {
            self.topics.name(content);
        }
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

impl FetchRequestPartition {
    pub(super) fn int(&mut self, role: Role, span: Span, value: i64) {
        match role {
            Role::PartitionIndex => self.index = narrow(value),
            Role::FetchOffset => self.offset = value,
            Role::PartitionMaxBytes => {
                self.max_bytes = narrow(value);
                self.max_bytes_field = span;
            }
            _ => {}
        }
    }
}

/// A partition of a Fetch response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FetchPartition {
    /// Its index.
    pub index: i32,
    /// 0 if it could be read.
    pub error_code: i16,
    /// The error code's field.
    pub error_field: Span,
    /// The high watermark.
    pub high_watermark: i64,
    /// The first offset that is left (5 and later).
    pub log_start: Option<i64>,
    /// The record data; `None` if null.
    pub records: Option<Span>,
    /// The record data with its length prefix.
    pub records_field: Span,
    /// The whole array element.
    pub element: Span,
}

/// A Fetch response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FetchView {
    /// The error of the whole answer (7 and later).
    pub error_code: i16,
    /// The fetch session (7 and later), 0 for none.
    pub session_id: i32,
    /// What was fetched.
    pub topics: Topics<FetchPartition>,
    /// `node_endpoints` (16 and later).
    pub brokers: Brokers,
}

/// Finds the fields of a Fetch response, versions 0 to 18.
pub fn fetch_response(version: i16, body: &[u8], out: &mut FetchView) -> Result<(), WireError> {
    fill(1, Direction::Response, version, body, out, FetchView::clear)
}

impl FetchView {
    fn clear(&mut self) {
        self.error_code = 0;
        self.session_id = 0;
        self.topics.clear();
        self.brokers.clear();
    }
}

impl Visitor for FetchView {
    fn exceeded(&self) -> Option<usize> {
        self.topics.exceeded(MAX_ELEMENTS)
    }

    fn int(&mut self, role: Role, span: Span, value: i64) {
        match role {
            Role::TopErrorCode => self.error_code = narrow16(value),
            Role::SessionId => self.session_id = narrow(value),
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
        match role {
            Role::TopicName => self.topics.name(content),
            Role::Records => {
                if let Some(partition) = self.topics.last() {
                    partition.records = content;
                    partition.records_field = field;
                }
            }
            _ => self.brokers.bytes(role, field, content),
        }
    }

    fn array(&mut self, role: Role, count: Count) {
        self.topics.array(role, count);
        self.brokers.array(role, count);
    }

    fn enter(&mut self, role: Role) {
        self.topics.enter(role);
        self.brokers.enter(role);
    }

    fn leave(&mut self, role: Role, element: Span) {
        if let Some(partition) = self.topics.leave(role, element) {
            partition.element = element;
        }
        self.brokers.leave(role, element);
    }

    fn tagged(&mut self, role: Role, field: Span) {
        self.brokers.tagged(role, field);
    }
}

impl FetchPartition {
    fn int(&mut self, role: Role, span: Span, value: i64) {
        match role {
            Role::PartitionIndex => self.index = narrow(value),
            Role::HighWatermark => self.high_watermark = value,
            Role::LogStartOffset => self.log_start = Some(value),
            Role::ErrorCode => {
                self.error_code = narrow16(value);
                self.error_field = span;
            }
            _ => {}
        }
    }
}
