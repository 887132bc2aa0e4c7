//! Metadata, DescribeCluster and FindCoordinator responses: who the brokers are, and which topic has which id.

use super::{BrokerSpans, Brokers, fill, narrow16};
use crate::wire::schema::Role;
use crate::wire::walk::Visitor;
use crate::wire::{Count, Direction, Span, WireError};

/// A topic of a Metadata response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetadataTopic {
    /// 0 if the topic is described.
    pub error_code: i16,
    /// The name's text; `None` if null (12 and later, where the id is not known).
    pub name: Option<Span>,
    /// The KIP-516 id (10 and later); zeros below.
    pub id: [u8; 16],
}

/// A Metadata response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataView {
    /// The brokers.
    pub brokers: Brokers,
    /// The cluster id's text (2 and later).
    pub cluster_id: Option<Span>,
    /// The topics.
    pub topics: Vec<MetadataTopic>,
}

/// Finds the fields of a Metadata response, versions 0 to 13.
pub fn metadata_response(version: i16, body: &[u8], out: &mut MetadataView) -> Result<(), WireError> {
    fill(3, Direction::Response, version, body, out, MetadataView::clear)
}

impl MetadataView {
    fn clear(&mut self) {
        self.brokers.clear();
        self.cluster_id = None;
        self.topics.clear();
    }
}

impl Visitor for MetadataView {
    fn int(&mut self, role: Role, span: Span, value: i64) {
        if role == Role::TopicErrorCode {
            if let Some(topic) = self.topics.last_mut() {
                topic.error_code = narrow16(value);
            }
        } else {
            self.brokers.int(role, span, value);
        }
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
                    topic.name = content;
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
