//! Answers to requests that make, remove or configure topics: what became of each.

use super::{MAX_ELEMENTS, fill, narrow16};
use crate::wire::schema::Role;
use crate::wire::walk::Visitor;
use crate::wire::{Direction, Span, WireError};

/// A topic, or another resource that has a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlteredResource {
    /// 0 if it was made, removed or configured.
    pub error_code: i16,
    /// `ConfigResource.Type`; `None` in answers that are about topics only.
    pub kind: Option<i8>,
    /// The name's text; `None` if null (`DeleteTopics` 6, where the id is not known).
    pub name: Option<Span>,
    /// The KIP-516 id (`CreateTopics` 7, `DeleteTopics` 6); zeros elsewhere.
    pub id: [u8; 16],
}

/// Such an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlterationsView {
    /// All that it is about.
    pub resources: Vec<AlteredResource>,
}

/// Finds what an answer to `CreateTopics`, `DeleteTopics`, `AlterConfigs` or `IncrementalAlterConfigs` is about.
pub fn alterations_response(
    api_key: i16,
    version: i16,
    body: &[u8],
    out: &mut AlterationsView,
) -> Result<(), WireError> {
    fill(api_key, Direction::Response, version, body, out, AlterationsView::clear)
}

impl AlterationsView {
    fn clear(&mut self) {
        self.resources.clear();
    }
}

impl Visitor for AlterationsView {
    fn int(&mut self, role: Role, _span: Span, value: i64) {
        let Some(resource) = self.resources.last_mut() else { return };
        match role {
            Role::TopicErrorCode => resource.error_code = narrow16(value),
            Role::ResourceType => resource.kind = i8::try_from(value).ok(),
            _ => {}
        }
    }

    fn uuid(&mut self, role: Role, value: [u8; 16]) {
        if role == Role::TopicId
            && let Some(resource) = self.resources.last_mut()
        {
            resource.id = value;
        }
    }

    fn bytes(&mut self, role: Role, _field: Span, content: Option<Span>) {
        if role == Role::TopicName
            && let Some(resource) = self.resources.last_mut()
        {
            resource.name = content;
        }
    }

    fn enter(&mut self, role: Role) {
        if role == Role::Topics {
            self.resources.push(AlteredResource::default());
        }
    }

    fn exceeded(&self) -> Option<usize> {
        (self.resources.len() > MAX_ELEMENTS).then_some(MAX_ELEMENTS)
    }
}
