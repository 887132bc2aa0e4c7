//! Bounds on memory and connections.

use std::ops::RangeInclusive;

use serde::Serialize;

use crate::duration::Span;
use crate::reader::{Field, Fields};

/// Kafka's frames have a signed 32-bit length.
const LARGEST_FRAME: usize = i32::MAX as usize;
/// Below this not even the requests of an idle client would fit.
const SMALLEST_FRAME: usize = 64 << 10;
/// One terabyte: more is a slip of the keyboard.
const LARGEST_BUFFER: usize = 1 << 40;

/// What the proxy takes at most, whatever clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The largest request or response. The default is that of brokers (`socket.request.max.bytes`).
    pub max_frame_bytes: usize,
    /// All connections' buffers together; room for at least one largest frame.
    pub buffer_bytes: usize,
    /// Client connections at the same time.
    pub connections: usize,
    /// Of these, connections from one address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_per_address: Option<usize>,
    /// The most that a client may ask for in one fetch; what clients ask beyond it is lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_max_bytes: Option<usize>,
    /// Within which a client has authenticated, where brokers want that, and asked for something.
    pub authentication_timeout: Span,
    /// After which a client that asks for nothing, and waits for nothing, is disconnected.
    pub idle_timeout: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame_bytes: 100 << 20,
            buffer_bytes: 256 << 20,
            connections: 2000,
            connections_per_address: None,
            fetch_max_bytes: None,
            authentication_timeout: Span::seconds(60),
            idle_timeout: Span::seconds(900),
        }
    }
}

impl Limits {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&[
            "maxFrameBytes",
            "bufferBytes",
            "connections",
            "connectionsPerAddress",
            "fetchMaxBytes",
            "authenticationTimeout",
            "idleTimeout",
        ])?;
        let default = Self::default();
        let number = |name, range| fields.optional(name).and_then(|field: &Field<'_>| field.integer(range));
        let span = |name, range: RangeInclusive<u32>| {
            let range = Span::seconds(*range.start())..=Span::seconds(*range.end());
            fields.optional(name).and_then(|field| Span::read(field, range))
        };
        let limits = Self {
            max_frame_bytes: number("maxFrameBytes", SMALLEST_FRAME..=LARGEST_FRAME)
                .unwrap_or(default.max_frame_bytes),
            buffer_bytes: number("bufferBytes", SMALLEST_FRAME..=LARGEST_BUFFER)
                .unwrap_or(default.buffer_bytes),
            connections: number("connections", 1..=1_000_000).unwrap_or(default.connections),
            connections_per_address: number("connectionsPerAddress", 1..=1_000_000),
            fetch_max_bytes: number("fetchMaxBytes", 1024..=LARGEST_FRAME),
            authentication_timeout: span("authenticationTimeout", 5..=600)
                .unwrap_or(default.authentication_timeout),
            idle_timeout: span("idleTimeout", 60..=86_400).unwrap_or(default.idle_timeout),
        };
        limits.check(&fields);
        Some(limits)
    }

    fn check(&self, fields: &Fields<'_>) {
        if self.buffer_bytes < self.max_frame_bytes {
            // Either field alone can be what is wrong, against the other's default.
            let field = fields.optional("bufferBytes").or_else(|| fields.optional("maxFrameBytes"));
            field.unwrap_or_else(|| fields.whole()).mistake(format!(
                "must leave bufferBytes ({}) no smaller than maxFrameBytes ({})",
                self.buffer_bytes, self.max_frame_bytes
            ));
        }
        if let Some(fetch) = self.fetch_max_bytes
            && fetch > self.max_frame_bytes
        {
            let field = fields.optional("fetchMaxBytes").unwrap_or_else(|| fields.whole());
            field.mistake(format!("must be at most maxFrameBytes ({}), not {fetch}", self.max_frame_bytes));
        }
    }
}
