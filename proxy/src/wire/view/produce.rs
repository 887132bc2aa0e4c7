//! Produce requests and responses.

use super::{Brokers, MAX_ELEMENTS, Topics, fill, narrow, narrow16};
use crate::wire::schema::Role;
use crate::wire::walk::Visitor;
use crate::wire::{Count, Direction, Span, WireError};

/// Topics and partitions of one request, together: a hundred times what producers put into the megabyte that they send.
const MAX_SENT: usize = 10_000;

/// A partition of a Produce request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProducePartition {
    /// Its index.
    pub index: i32,
    /// The record data; `None` if null.
    pub records: Option<Span>,
    /// The record data with its length prefix.
    pub records_field: Span,
    /// The whole array element.
    pub element: Span,
}

/// A Produce request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProduceView {
    /// The transactional id's text, if any.
    pub transactional_id: Option<Span>,
    /// How many replicas must have it; no answer is sent for 0.
    pub acks: i16,
    /// How long the broker may wait for them.
    pub timeout_ms: i32,
    /// What is produced.
    pub topics: Topics<ProducePartition>,
}

/// Finds the fields of a Produce request, versions 0 to 13.
pub fn produce_request(version: i16, body: &[u8], out: &mut ProduceView) -> Result<(), WireError> {
    fill(0, Direction::Request, version, body, out, ProduceView::clear)
}

impl ProduceView {
    fn clear(&mut self) {
        self.transactional_id = None;
        self.acks = 0;
        self.timeout_ms = 0;
        self.topics.clear();
    }
}

impl Visitor for ProduceView {
    fn exceeded(&self) -> Option<usize> {
        self.topics.exceeded(MAX_SENT)
    }

    fn int(&mut self, role: Role, _span: Span, value: i64) {
        match role {
            Role::Acks => self.acks = narrow16(value),
            Role::TimeoutMs => self.timeout_ms = narrow(value),
            Role::PartitionIndex => {
                if let Some(partition) = self.topics.last() {
                    partition.index = narrow(value);
                }
            }
            _ => {}
        }
    }

    fn uuid(&mut self, role: Role, value: [u8; 16]) {
        self.topics.uuid(role, value);
    }

    fn bytes(&mut self, role: Role, field: Span, content: Option<Span>) {
        match role {
            Role::TransactionalId => self.transactional_id = content,
            Role::TopicName => self.topics.name(content),
            Role::Records => {
                if let Some(partition) = self.topics.last() {
                    partition.records = content;
                    partition.records_field = field;
                }
            }
            _ => {}
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

/// A partition of a Produce response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProduceResponsePartition {
    /// Its index.
    pub index: i32,
    /// 0 if it was written.
    pub error_code: i16,
    /// The error code's field.
    pub error_field: Span,
    /// The offset of the first record.
    pub base_offset: i64,
    /// The message's text (8 and later), if any.
    pub error_message: Option<Span>,
    /// The message's field; empty below version 8.
    pub error_message_field: Span,
    /// The whole array element.
    pub element: Span,
}

/// A Produce response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProduceResponseView {
    /// What became of each partition.
    pub topics: Topics<ProduceResponsePartition>,
    /// `node_endpoints` (10 and later).
    pub brokers: Brokers,
}

/// Finds the fields of a Produce response, versions 0 to 13.
pub fn produce_response(version: i16, body: &[u8], out: &mut ProduceResponseView) -> Result<(), WireError> {
    fill(0, Direction::Response, version, body, out, ProduceResponseView::clear)
}

impl ProduceResponseView {
    fn clear(&mut self) {
        self.topics.clear();
        self.brokers.clear();
    }
}

impl Visitor for ProduceResponseView {
    fn exceeded(&self) -> Option<usize> {
        self.topics.exceeded(MAX_ELEMENTS)
    }

    fn int(&mut self, role: Role, span: Span, value: i64) {
        if let Some(partition) = self.topics.last() {
            match role {
                Role::PartitionIndex => partition.index = narrow(value),
                Role::BaseOffset => partition.base_offset = value,
                Role::ErrorCode => {
                    partition.error_code = narrow16(value);
                    partition.error_field = span;
                }
                _ => {}
            }
        }
        self.brokers.int(role, span, value);
    }

    fn uuid(&mut self, role: Role, value: [u8; 16]) {
        self.topics.uuid(role, value);
    }

    fn bytes(&mut self, role: Role, field: Span, content: Option<Span>) {
        match role {
            Role::TopicName => self.topics.name(content),
            Role::ErrorMessage => {
                if let Some(partition) = self.topics.last() {
                    partition.error_message = content;
                    partition.error_message_field = field;
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
