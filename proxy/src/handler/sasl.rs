//! Authentication that does not go through to the broker.

use super::Code;
use crate::wire::write;
use kafka_protocol::messages::ApiKey;

/// What clients that ask for it are told where the proxy authenticates itself.
const NOT_HERE: &str =
    "the proxy authenticates to brokers as itself: clients must not use SASL, but show a certificate";

/// The answer to a SASL handshake of version 0 for a mechanism whose last token the proxy would not know.
pub(crate) fn mechanism_unsupported(out: &mut Vec<u8>) {
    handshake(Code::UnsupportedSaslMechanism, out);
}

/// The answer to a client that wants to authenticate where the proxy's identity ends: as a broker gives it on a listener
/// without SASL.
pub(crate) fn refuse(api_key: i16, version: i16, out: &mut Vec<u8>) {
    if api_key == ApiKey::SaslHandshake as i16 {
        return handshake(Code::IllegalSaslState, out);
    }
    let flexible = version >= 2;
    if flexible {
        out.push(0);
    }
    out.extend_from_slice(&Code::IllegalSaslState.value().to_be_bytes());
    write::nullable_string(flexible, Some(NOT_HERE), out);
    write::count(flexible, 0, out);
    if version >= 1 {
        out.extend_from_slice(&0_i64.to_be_bytes());
    }
    if flexible {
        out.push(0);
    }
}

fn handshake(code: Code, out: &mut Vec<u8>) {
    out.extend_from_slice(&code.value().to_be_bytes());
    write::count(false, 0, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{Buf as _, Bytes};
    use kafka_protocol::messages::{ResponseHeader, SaslAuthenticateResponse, SaslHandshakeResponse};
    use kafka_protocol::protocol::{Decodable, HeaderVersion};

    /// The answer with its header, read by the codec.
    fn read<T: Decodable + HeaderVersion>(key: ApiKey, version: i16) -> T {
        let mut message = 7_i32.to_be_bytes().to_vec();
        refuse(key as i16, version, &mut message);
        let mut message = Bytes::from(message);
        let header = ResponseHeader::decode(&mut message, T::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, 7);
        let answer = T::decode(&mut message, version).unwrap();
        assert!(!message.has_remaining(), "version {version}");
        answer
    }

    #[test]
    fn every_version_of_a_refusal_can_be_read() {
        for version in 0..=1 {
            let answer: SaslHandshakeResponse = read(ApiKey::SaslHandshake, version);
            assert_eq!((answer.error_code, answer.mechanisms.len()), (34, 0));
        }
        for version in 0..=2 {
            let answer: SaslAuthenticateResponse = read(ApiKey::SaslAuthenticate, version);
            assert_eq!((answer.error_code, answer.error_message.as_deref()), (34, Some(NOT_HERE)));
        }
    }
}
