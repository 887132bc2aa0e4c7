//! The closed sets that label values come from.

use super::set::LabelSet;

macro_rules! label_set {
    ($(#[$doc:meta])* $name:ident as $label:literal { $($(#[$each:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$each])* $variant,)+ }

        impl $name {
            /// The value as it appears in metrics and logs.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl LabelSet for $name {
            const LABEL: &'static str = $label;
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn value(self) -> &'static str {
                self.as_str()
            }

            fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

label_set! {
    /// Bytes as seen from the proxy.
    Flow as "flow" {
        /// Read from the peer.
        Received = "received",
        /// Written to the peer.
        Sent = "sent",
    }
}

label_set! {
    /// Kind of a Kafka frame.
    Message as "message" {
        /// From a client.
        Request = "request",
        /// To a client.
        Response = "response",
    }
}

label_set! {
    /// Which way a batch went.
    Direction as "direction" {
        /// From a producer to a broker.
        Produce = "produce",
        /// From a broker to a consumer.
        Fetch = "fetch",
    }
}

label_set! {
    /// Envelope format.
    Format as "format" {
        /// The records section of a batch is encrypted as a whole.
        Batch = "batch",
        /// Each value is encrypted by itself.
        Record = "record",
    }
}

label_set! {
    /// What a consumer gets in the place of a record whose key is gone.
    Replacement as "replacement" {
        /// Nothing.
        Skipped = "skipped",
        /// Its key with a null value.
        Tombstone = "tombstone",
    }
}

label_set! {
    /// How an attempt ended.
    Outcome as "outcome" {
        /// What was found is in use.
        Loaded = "loaded",
        /// What was in use before stays.
        Failed = "failed",
    }
}

label_set! {
    /// Why a partition was answered with an error.
    Refusal as "reason" {
        /// The key provider gave no answer in time, or there was no policy to go by.
        KeyUnavailable = "key_unavailable",
        /// The key provider said no.
        KeyRefused = "key_refused",
        /// An envelope names a key that the policy does not know, under `envelopeKeys: Known`.
        KeyUnknown = "key_unknown",
        /// Ciphertext altered, moved or truncated, or a bad checksum.
        Corrupt = "corrupt",
        /// A batch that a broker would refuse too.
        InvalidRecord = "invalid_record",
        /// A clear record where the rule demands ciphertext.
        PlaintextRejected = "plaintext_rejected",
        /// A clear record under a rule that lets history pass, where nobody knows yet where that ends.
        HistoryUnknown = "history_unknown",
        /// A name that no topic can have.
        InvalidTopic = "invalid_topic",
        /// No name is known for a topic id.
        UnknownTopicId = "unknown_topic_id",
        /// The topic's rule is retired: reads only.
        Retired = "retired",
        /// The topic's rule says that a later policy tells how to encrypt it.
        Pending = "pending",
        /// Batch format by rule, and the topic is compacted.
        Compacted = "compacted",
        /// No rule matches, and unmatched topics are rejected.
        UnmatchedRejected = "unmatched_rejected",
        /// The encrypted batch would exceed the topic's limit.
        TooLarge = "too_large",
        /// A protocol version that cannot carry encrypted records.
        UnsupportedVersion = "unsupported_version",
        /// Pipelined behind a refusal of the same producer.
        Producer = "producer",
    }
}

label_set! {
    /// Why a client connection ended.
    CloseReason as "reason" {
        /// The connection to the client broke. One that a client ends between two requests is not counted.
        Client = "client",
        /// The broker ended it.
        Upstream = "upstream",
        /// The broker could not be reached.
        UpstreamUnreachable = "upstream_unreachable",
        /// The broker did not take the proxy's own authentication, or could not show that it knows it.
        UpstreamUnauthenticated = "upstream_unauthenticated",
        /// No broker is known for the port.
        UnknownBroker = "unknown_broker",
        /// The TLS handshake failed or took too long.
        Handshake = "handshake",
        /// It came past a load balancer that should have told whose it is.
        Origin = "origin",
        /// Its address has its share of connections already.
        AddressLimit = "address_limit",
        /// A peer took too little for too long.
        Stalled = "stalled",
        /// The client asked for nothing for too long.
        Idle = "idle",
        /// The connection to the broker broke.
        Io = "io",
        /// Bytes that are no Kafka frame, or one that is too large.
        Protocol = "protocol",
        /// A key provider stayed out of reach of a share group's fetch.
        KeysUnavailable = "keys_unavailable",
        /// A refused produce that expects no answer.
        Unacknowledged = "unacknowledged",
    }
}
