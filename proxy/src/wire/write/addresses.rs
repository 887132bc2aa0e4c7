//! Broker addresses.

use kafka_protocol::protocol::StrBytes;

use super::{count, is_flexible, no_tags, nullable_string, string, varint};

/// A broker's address as clients shall see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker<'a> {
    /// The broker's id.
    pub node_id: i32,
    /// Its host name.
    pub host: StrBytes,
    /// Its port.
    pub port: i32,
    /// Its rack, if any.
    pub rack: Option<&'a str>,
}

const METADATA: i16 = 3;

/// The array `brokers` of a Metadata response, with its count; replaces [`Brokers::field`](crate::wire::Brokers).
pub fn broker_array(version: i16, brokers: &[Broker<'_>], out: &mut Vec<u8>) {
    array(is_flexible(METADATA, version), version >= 1, brokers, out);
}

/// `node_endpoints` of Produce (10 and later) or Fetch (16 and later), as a whole tagged field, or of ShareFetch or
/// `ShareAcknowledge`, as a plain array; replaces [`Brokers::field`](crate::wire::Brokers) in each case.
pub fn node_endpoints(tagged: bool, brokers: &[Broker<'_>], out: &mut Vec<u8>) {
    if !tagged {
        array(true, true, brokers, out);
        return;
    }
    let mut content = Vec::new();
    array(true, true, brokers, &mut content);
    varint(0, out);
    varint(u32::try_from(content.len()).unwrap_or(u32::MAX), out);
    out.append(&mut content);
}

fn array(flexible: bool, racks: bool, brokers: &[Broker<'_>], out: &mut Vec<u8>) {
    count(flexible, brokers.len(), out);
    for broker in brokers {
        out.extend_from_slice(&broker.node_id.to_be_bytes());
        string(flexible, &broker.host, out);
        out.extend_from_slice(&broker.port.to_be_bytes());
        if racks {
            nullable_string(flexible, broker.rack, out);
        }
        no_tags(flexible, out);
    }
}
