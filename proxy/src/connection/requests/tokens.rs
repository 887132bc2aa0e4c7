//! Authentication as it was before `SaslAuthenticate`: after a SASL handshake of version 0 (KIP-43) the mechanism's tokens come
//! in frames without a header.
//!
//! Nothing tells such a frame from a request, and tokens are passed on unread. So a frame counts as a token only where the
//! broker must take it for one too: it has accepted the handshake, and its side of the mechanism has not ended. Otherwise
//! a client could have a Produce request passed on in clear.

use super::{Requests, length_prefix};
use crate::connection::expected::{Answer, Expected, Queue};
use crate::connection::{Close, Session};
use crate::frame::Frame;
use crate::handler::sasl;
use crate::metrics::labels::Flow;
use crate::strangers::asks_for_tokens;
use crate::wire::{self, Direction, RequestHead};
use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, SaslHandshakeRequest};
use kafka_protocol::protocol::Decodable;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::oneshot;

/// For the handshake and all tokens.
const PATIENCE: Duration = Duration::from_secs(30);
/// GSSAPI needs three; SPNEGO may add some.
const MOST_TOKENS: u32 = 8;

/// How it is known that a mechanism has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    /// With its only token (RFC 4616).
    Plain,
    /// With the second token (RFC 5802).
    Scram,
    /// With an empty answer. Any other one tells of a failure, after which one more token comes (RFC 7628).
    OauthBearer,
    /// With a token that is not answered, which only the client's next frame shows (RFC 4752).
    Gssapi,
}

impl Mechanism {
    fn of(request: &[u8]) -> Result<Option<Self>, Close> {
        wire::check(ApiKey::SaslHandshake as i16, 0, Direction::Request, request).map_err(Close::Request)?;
        let request = SaslHandshakeRequest::decode(&mut Bytes::copy_from_slice(request), 0)
            .map_err(|_| Close::Codec("SaslHandshake"))?;
        Ok(match &*request.mechanism {
            "PLAIN" => Some(Self::Plain),
            "SCRAM-SHA-256" | "SCRAM-SHA-512" => Some(Self::Scram),
            "OAUTHBEARER" => Some(Self::OauthBearer),
            "GSSAPI" => Some(Self::Gssapi),
            _ => None,
        })
    }

    /// Whether nothing follows the answer to so many tokens.
    fn ends(self, tokens: u32, answer: &[u8]) -> bool {
        match self {
            Self::Plain => true,
            Self::Scram => tokens >= 2,
            Self::OauthBearer => answer.is_empty() || tokens >= 2,
            Self::Gssapi => false,
        }
    }

    /// Whether a frame is no token any more. Tokens of GSSAPI are empty or begin with `60` or `05` (RFC 4121, section 4.2.4;
    /// RFC 2743, section 3.1), requests with the upper half of an API key, which is zero.
    fn has_ended_before(self, frame: &[u8]) -> bool {
        self == Self::Gssapi && frame.first() == Some(&0)
    }
}

/// Relays a handshake of version 0, and the tokens after it.
pub(super) async fn authenticate(
    requests: &mut Requests,
    frame: Frame,
    head: &RequestHead,
) -> Result<(), Close> {
    let relayed = tokio::time::timeout(PATIENCE, relay(requests, frame, head));
    relayed.await.map_err(|_| Close::SlowAuthentication)?
}

async fn relay(requests: &mut Requests, frame: Frame, head: &RequestHead) -> Result<(), Close> {
    let body = head.body.and_then(|at| frame.bytes.get(at..)).unwrap_or_default();
    let Some(mechanism) = Mechanism::of(body)? else {
        return requests.answer(head.correlation_id, sasl::mechanism_unsupported).await;
    };
    let (sender, answer) = oneshot::channel();
    requests.relay(frame, head, Answer::Injected(sender)).await?;
    let answer = answer.await.map_err(|_| Close::BrokerEnded)?;
    let accepted = asks_for_tokens(&answer.bytes);
    if accepted {
        requests.session.newcomer.note_asked();
    }
    pass_on(&requests.session, &requests.expect, &answer).await?;
    if !accepted {
        return Ok(());
    }
    requests.held = exchange(requests, mechanism).await?;
    Ok(())
}

/// Relays tokens and answers in turn. Gives what came after them where that had to be seen.
async fn exchange(requests: &mut Requests, mechanism: Mechanism) -> Result<Option<Frame>, Close> {
    let mut next = requests.client.next().await.map_err(Close::ClientFrame)?;
    for tokens in 1..=MOST_TOKENS {
        let Some(token) = next.take_if(|frame| !mechanism.has_ended_before(&frame.bytes)) else {
            return Ok(next);
        };
        let (sender, mut answer) = oneshot::channel();
        requests.expect.put(Expected::Token(sender)).await?;
        requests.session.shared.client_bytes(Flow::Received, token.bytes.len());
        let prefix = length_prefix(token.bytes.len());
        requests.send(&[&prefix[..], &token.bytes[..]]).await?;
        requests.client.recycle(token);
        let Requests { session, expect, client, .. } = requests;
        let mut following = pin!(client.next());
        let answer = tokio::select! {
            biased;
            answer = &mut answer => answer.map_err(|_| Close::BrokerEnded)?,
            frame = &mut following, if mechanism == Mechanism::Gssapi => {
                next = frame.map_err(Close::ClientFrame)?;
                continue;
            }
        };
        let has_ended = mechanism.ends(tokens, &answer.bytes);
        // A broker that has something against a token ends the connection instead, or after one more of OAUTHBEARER. Of GSSAPI any
        // answer will do: nobody gets one without a ticket.
        if has_ended || mechanism == Mechanism::Gssapi {
            session.newcomer.note_known();
        }
        pass_on(session, expect, &answer).await?;
        if has_ended {
            return Ok(None);
        }
        next = following.await.map_err(Close::ClientFrame)?;
    }
    Err(Close::TooManyTokens)
}

/// Gives the client an answer of the broker that was looked at.
async fn pass_on(session: &Session, expect: &Queue, answer: &Frame) -> Result<(), Close> {
    let message = answer.bytes.to_vec();
    let grants = session.grants(message.len()).await;
    expect.put(Expected::Local { message, grants }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mechanism_ends_with_its_last_token() {
        let cases = [
            (Mechanism::Plain, 1, &b""[..], true),
            (Mechanism::Scram, 1, b"r=", false),
            (Mechanism::Scram, 2, b"v=", true),
            (Mechanism::OauthBearer, 1, b"", true),
            (Mechanism::OauthBearer, 1, b"{\"status\":\"invalid_token\"}", false),
            (Mechanism::OauthBearer, 2, b"", true),
            (Mechanism::Gssapi, 3, b"", false),
        ];
        for (mechanism, tokens, answer, ends) in cases {
            assert_eq!(mechanism.ends(tokens, answer), ends, "{mechanism:?} after {tokens}");
        }
    }

    #[test]
    fn only_gssapi_is_ended_by_a_request() {
        for mechanism in [Mechanism::Plain, Mechanism::Scram, Mechanism::OauthBearer] {
            assert!(!mechanism.has_ended_before(b"\0user\0password"), "{mechanism:?}");
        }
        for token in [&b""[..], b"\x60\x82\x01", b"\x05\x04\x01"] {
            assert!(!Mechanism::Gssapi.has_ended_before(token), "{token:?}");
        }
        assert!(Mechanism::Gssapi.has_ended_before(b"\0\x03\0\x0c"));
    }

    #[test]
    fn a_mechanism_whose_end_is_not_known_has_no_tokens() {
        assert_eq!(Mechanism::of(b"\0\x05PLAIN").unwrap(), Some(Mechanism::Plain));
        assert_eq!(Mechanism::of(b"\0\x06CUSTOM").unwrap(), None);
        for damaged in [&b""[..], b"\0\x06PLAIN", b"\xff\xffPLAIN"] {
            Mechanism::of(damaged).unwrap_err();
        }
    }
}
