//! Clients that brokers do not know yet. Where brokers want clients to authenticate they take little of one that has not, and so does
//! the proxy: strangers must not hold the memory that clients wait for.
//!
//! Nothing but answers of brokers tells whether they want that. Until one has, and where none wants it, nobody is a stranger: the
//! first request on a connection may be a Produce as large as any.

use bytes::Bytes;
use kafka_protocol::messages::{ResponseHeader, SaslAuthenticateResponse};
use kafka_protocol::protocol::{Decodable, HeaderVersion};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The largest message of a stranger: what brokers take (`sasl.server.max.receive.size`) unless they are told otherwise.
pub(crate) const MOST: usize = 512 * 1024;

/// What brokers want of clients. Shared by all connections.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    /// A broker went on after a SASL handshake.
    asked: AtomicBool,
    /// A broker served a client without one.
    unasked: AtomicBool,
}

/// One client, a stranger until a broker lets it in.
#[derive(Debug)]
pub(crate) struct Newcomer {
    all: Arc<Strangers>,
    asked: AtomicBool,
    known: AtomicBool,
}

impl Newcomer {
    pub(crate) fn new(all: Arc<Strangers>) -> Self {
        Self { all, asked: AtomicBool::new(false), known: AtomicBool::new(false) }
    }

    /// The largest message that is taken of the client.
    pub(crate) fn most(&self) -> usize {
        let Strangers { asked, unasked } = &*self.all;
        let are_strangers = asked.load(Ordering::Relaxed) && !unasked.load(Ordering::Relaxed);
        if are_strangers && !self.known.load(Ordering::Relaxed) { MOST } else { usize::MAX }
    }

    /// A broker wants the client's tokens.
    pub(crate) fn note_asked(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.all.asked.store(true, Ordering::Relaxed);
    }

    /// A broker has let the client in.
    pub(crate) fn note_known(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// A broker answered what it answers to nobody else.
    pub(crate) fn note_served(&self) {
        if !self.known.swap(true, Ordering::Relaxed) && !self.asked.load(Ordering::Relaxed) {
            self.all.unasked.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether a broker goes on after a SASL handshake, of either version: behind the correlation id there is no error code.
pub(crate) fn asks_for_tokens(answer: &[u8]) -> bool {
    answer.get(4..6) == Some(&[0, 0])
}

/// Whether an answer to a token in `SaslAuthenticate` lets the client in. An error code says that it does not; but there is none
/// in what a server of SCRAM says first (RFC 5802), nor where it has something against a bearer token (RFC 7628).
///
/// Nobody gets as far as an answer of GSSAPI without a ticket, and mechanisms that are not known are not held up.
pub(crate) fn lets_in(version: i16, message: &[u8]) -> bool {
    let mut bytes = Bytes::copy_from_slice(message);
    // There are no counts in it that memory would be taken for.
    let answer = ResponseHeader::decode(&mut bytes, SaslAuthenticateResponse::header_version(version))
        .and_then(|_| SaslAuthenticateResponse::decode(&mut bytes, version));
    answer.is_ok_and(|answer| answer.error_code == 0 && !is_challenge(&answer.auth_bytes))
}

fn is_challenge(token: &[u8]) -> bool {
    const STATUS: &[u8] = b"\"status\"";
    token.starts_with(b"r=")
        || token.starts_with(b"{") && token.windows(STATUS.len()).any(|part| part == STATUS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use kafka_protocol::protocol::Encodable;

    fn answer(version: i16, error_code: i16, token: &'static [u8]) -> Vec<u8> {
        let answer = SaslAuthenticateResponse::default()
            .with_error_code(error_code)
            .with_auth_bytes(Bytes::from_static(token));
        let mut message = BytesMut::from(&[0, 0, 0, 1][..]);
        if SaslAuthenticateResponse::header_version(version) >= 1 {
            message.extend([0]);
        }
        answer.encode(&mut message, version).unwrap();
        message.to_vec()
    }

    #[test]
    fn the_last_answer_of_each_mechanism_lets_a_client_in_and_no_other() {
        for version in 0..=2 {
            let cases: [(i16, &'static [u8], bool); 8] = [
                (0, b"", true),
                (0, b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", true),
                // GSSAPI, and one of somebody's own.
                (0, b"\x60\x82\x01", true),
                (0, b"{\"version\":\"2020_10_22\",\"request-id\":\"7\"}", true),
                (0, b"r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096", false),
                (0, b"{\"status\":\"invalid_token\"}", false),
                (0, b"{\"scope\":\"a\",\"status\":\"invalid_token\"}", false),
                (58, b"", false),
            ];
            for (code, token, is_in) in cases {
                assert_eq!(
                    lets_in(version, &answer(version, code, token)),
                    is_in,
                    "{version} {code} {token:?}"
                );
            }
            for damaged in [&b""[..], &[0; 4], &[0; 6]] {
                assert!(!lets_in(version, damaged), "{version} {damaged:?}");
            }
        }
    }

    #[test]
    fn there_are_strangers_only_where_brokers_serve_nobody_who_has_not_authenticated() {
        let all = Arc::<Strangers>::default();
        let client = || Newcomer::new(Arc::clone(&all));
        let (newcomer, first, second) = (client(), client(), client());
        assert_eq!(newcomer.most(), usize::MAX, "nobody has told yet");
        first.note_asked();
        assert_eq!([newcomer.most(), first.most()], [MOST; 2]);
        first.note_known();
        second.note_asked();
        second.note_served();
        assert_eq!([newcomer.most(), first.most(), second.most()], [MOST, usize::MAX, usize::MAX]);
        client().note_served();
        assert_eq!(newcomer.most(), usize::MAX, "brokers do without");
    }
}
