//! Ids that systems give to keys.

use uuid::Uuid;

/// Whether it is a UUID as these systems write it, which is but one way.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == uuid::fmt::Hyphenated::LENGTH && Uuid::try_parse(text).is_ok()
}

/// The same without hyphens.
#[cfg(feature = "aws")]
pub(crate) fn is_simple_uuid(text: &str) -> bool {
    text.len() == uuid::fmt::Simple::LENGTH && Uuid::try_parse(text).is_ok()
}
