//! Envelopes, data keys and key providers. No Kafka types
