//! Broker addresses, in whichever message they stand.

use crate::wire::schema::Role;
use crate::wire::{Count, Span};

/// One broker's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BrokerSpans {
    /// The broker's id; −1 where an answer names no broker.
    pub node_id: i32,
    /// The host name's text.
    pub host: Span,
    /// The host name's field: length and text.
    pub host_field: Span,
    /// The port.
    pub port: i32,
    /// The port's field.
    pub port_field: Span,
    /// The rack's text, if the version has one and it is not null.
    pub rack: Option<Span>,
    /// The whole array element; empty where the fields stand in the message itself (FindCoordinator up to 3).
    pub element: Span,
}

/// All broker addresses of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brokers {
    /// The count of the array, if there is one.
    pub count: Count,
    /// The array with its count, or the whole tagged field (tag, size, array) where it is one. `None` if absent.
    pub field: Option<Span>,
    /// Whether [`field`](Self::field) is a tagged field.
    pub tagged: bool,
    /// The addresses.
    pub brokers: Vec<BrokerSpans>,
}

impl Brokers {
    pub(super) fn clear(&mut self) {
        self.count = Count::default();
        self.field = None;
        self.tagged = false;
        self.brokers.clear();
    }

    pub(super) fn array(&mut self, role: Role, count: Count) {
        if role == Role::Brokers {
            self.count = count;
            self.field = Some(count.span);
        }
    }

    pub(super) fn enter(&mut self, role: Role) {
        if role == Role::Brokers {
            self.brokers.push(BrokerSpans::default());
        }
    }

    pub(super) fn leave(&mut self, role: Role, element: Span) {
        if role == Role::Brokers {
            if let Some(broker) = self.brokers.last_mut() {
                broker.element = element;
            }
            if let Some(field) = &mut self.field {
                field.end = element.end;
            }
        }
    }

    pub(super) fn tagged(&mut self, role: Role, field: Span) {
        if role == Role::Brokers {
            self.field = Some(field);
            self.tagged = true;
        }
    }

    pub(super) fn int(&mut self, role: Role, span: Span, value: i64) {
        if !matches!(role, Role::NodeId | Role::Port) {
            return;
        }
        if let Some(broker) = self.brokers.last_mut() {
            if role == Role::NodeId {
                broker.node_id = super::narrow(value);
            } else {
                broker.port = super::narrow(value);
                broker.port_field = span;
            }
        }
    }

    pub(super) fn bytes(&mut self, role: Role, field: Span, content: Option<Span>) {
        if !matches!(role, Role::Host | Role::Rack) {
            return;
        }
        if let Some(broker) = self.brokers.last_mut() {
            if role == Role::Host {
                broker.host = content.unwrap_or_default();
                broker.host_field = field;
            } else {
                broker.rack = content;
            }
        }
    }
}
