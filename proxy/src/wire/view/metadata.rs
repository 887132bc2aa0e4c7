//! Metadata, DescribeCluster and FindCoordinator responses: who the brokers are, and which topic has which id.

use super::topics::KEEP_ELEMENTS;
use super::{BrokerSpans, Brokers, MAX_ELEMENTS, fill};
use crate::wire::schema::Role;
use crate::wire::walk::Visitor;
use crate::wire::{Count, Direction, Span, WireError};

/// A topic of a Metadata response that has a name and an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetadataTopic {
    /// The name's text.
    pub name: Span,
    /// The KIP-516 id (10 and later).
    pub id: [u8; 16],
}

/// A Metadata response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataView {
    /// The brokers.
    pub brokers: Brokers,
    /// The cluster id's text (2 and later).
    pub cluster_id: Option<Span>,
    /// The topics of which both is told. Not those that a client asked for and brokers do not know, of which there may be any number.
    pub topics: Vec<MetadataTopic>,
}

/// Topics that are noted of one response: what comes after them is passed on as well, and looked up where it is needed.
const MAX_TOPICS: usize = 500_000;

/// Finds the fields of a Metadata response, versions 0 to 13.
pub fn metadata_response(version: i16, body: &[u8], out: &mut MetadataView) -> Result<(), WireError> {
    fill(3, Direction::Response, version, body, out, MetadataView::clear)
}

impl MetadataView {
    /// Gives back what an unusually large message needed. Call it when the message is done.
    pub fn trim(&mut self) {
        if self.topics.capacity() > KEEP_ELEMENTS || self.brokers.brokers.capacity() > KEEP_ELEMENTS {
            *self = Self::default();
        }
    }

    fn clear(&mut self) {
        self.brokers.clear();
        self.cluster_id = None;
        self.topics.clear();
    }
}

impl Visitor for MetadataView {
    fn exceeded(&self) -> Option<usize> {
        (self.brokers.brokers.len() > MAX_ELEMENTS).then_some(MAX_ELEMENTS)
    }

    fn int(&mut self, role: Role, span: Span, value: i64) {
        self.brokers.int(role, span, value);
    }

    fn uuid(&mut self, role: Role, value: [u8; 16]) {
        if role == Role::TopicId
            && let Some(topic) = self.topics.last_mut()
        {
            topic.id = value;
        }
    }

    fn bytes(&mut self, role: Role, field: Span, content: Option<Span>) {
        match role {
            Role::ClusterId => self.cluster_id = content,
            Role::TopicName => {
                if let Some(topic) = self.topics.last_mut() {
                    topic.name = content.unwrap_or_default();
                }
            }
            _ => self.brokers.bytes(role, field, content),
        }
    }

    fn array(&mut self, role: Role, count: Count) {
        self.brokers.array(role, count);
    }

    fn enter(&mut self, role: Role) {
        if role == Role::Topics {
            self.topics.push(MetadataTopic::default());
        }
        self.brokers.enter(role);
    }

    fn leave(&mut self, role: Role, element: Span) {
        if role == Role::Topics {
            let is_full = self.topics.len() > MAX_TOPICS;
            self.topics.pop_if(|topic| is_full || topic.name.is_empty() || topic.id == [0; 16]);
        }
        self.brokers.leave(role, element);
    }
}

/// Finds the brokers of a DescribeCluster response, versions 0 to 2.
pub fn describe_cluster_response(version: i16, body: &[u8], out: &mut Brokers) -> Result<(), WireError> {
    fill(60, Direction::Response, version, body, out, Brokers::clear)
}

/// Finds the brokers of a FindCoordinator response, versions 0 to 6. Up to version 3 there is one, in the message
/// itself; an answer with an error has node id −1 and an empty host.
pub fn find_coordinator_response(version: i16, body: &[u8], out: &mut Brokers) -> Result<(), WireError> {
    fill(10, Direction::Response, version, body, out, Brokers::clear)
}

impl Visitor for Brokers {
    fn int(&mut self, role: Role, span: Span, value: i64) {
        if role == Role::NodeId && self.field.is_none() {
            self.brokers.push(BrokerSpans::default());
        }
        Self::int(self, role, span, value);
    }

    fn bytes(&mut self, role: Role, field: Span, content: Option<Span>) {
        Self::bytes(self, role, field, content);
    }

    fn array(&mut self, role: Role, count: Count) {
        Self::array(self, role, count);
    }

    fn enter(&mut self, role: Role) {
        Self::enter(self, role);
    }

    fn leave(&mut self, role: Role, element: Span) {
        Self::leave(self, role, element);
    }
}
