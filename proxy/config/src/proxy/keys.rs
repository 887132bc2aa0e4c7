//! How long keys live.

use serde::Serialize;

use crate::duration::Span;
use crate::reader::{Field, Fields};

/// AES-GCM messages under one data key; message keys are derived from it, so this only bounds the KMS' exposure.
const MOST_MESSAGES: u64 = 1 << 32;
const MOST_BYTES: u64 = 64 << 30;
const DAY: Span = Span::seconds(24 * 3600);

/// Budgets of data keys, and how soon a revoked key stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyTimes {
    /// Age at which a data key ends, and so the longest time until a new version of its key is in use.
    pub max_age: Span,
    /// Messages that a data key seals: batches in batch format, records in record format.
    pub max_messages: u64,
    /// Bytes that a data key seals.
    pub max_bytes: u64,
    /// Time within which a revoked key stops reads and writes.
    pub revocation_delay: Span,
    /// Time for which keys serve while their provider does not answer.
    pub outage_grace: Span,
    /// Time for which a key must have been refused before a rule's `onUnreadable` lets consumers go past its records.
    pub unreadable_delay: Span,
    /// Data keys of stored records that one provider is asked for a second, at most; and calls a second by which keys are tried.
    pub max_calls_per_second: u32,
}

impl Default for KeyTimes {
    fn default() -> Self {
        Self {
            max_age: Span::seconds(3600),
            max_messages: MOST_MESSAGES,
            max_bytes: MOST_BYTES,
            revocation_delay: Span::seconds(600),
            outage_grace: Span::seconds(3600),
            unreadable_delay: Span::seconds(120),
            max_calls_per_second: 50,
        }
    }
}

impl KeyTimes {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&[
            "maxAge",
            "maxMessages",
            "maxBytes",
            "revocationDelay",
            "outageGrace",
            "unreadableDelay",
            "maxCallsPerSecond",
        ])?;
        let default = Self::default();
        let span =
            |name, from| fields.optional(name).and_then(|field| Span::read(field, Span::seconds(from)..=DAY));
        let times = Self {
            max_age: span("maxAge", 60).unwrap_or(default.max_age),
            max_messages: number(&fields, "maxMessages", 1 << 10, MOST_MESSAGES)
                .unwrap_or(default.max_messages),
            max_bytes: number(&fields, "maxBytes", 1 << 20, MOST_BYTES).unwrap_or(default.max_bytes),
            revocation_delay: span("revocationDelay", 30).unwrap_or(default.revocation_delay),
            outage_grace: span("outageGrace", 0).unwrap_or(default.outage_grace),
            unreadable_delay: span("unreadableDelay", 0).unwrap_or(default.unreadable_delay),
            max_calls_per_second: fields
                .optional("maxCallsPerSecond")
                .and_then(|field| field.integer(1..=10_000))
                .unwrap_or(default.max_calls_per_second),
        };
        Some(times)
    }
}

fn number(fields: &Fields<'_>, name: &str, least: u64, most: u64) -> Option<u64> {
    fields.optional(name).and_then(|field| field.integer(least..=most))
}
