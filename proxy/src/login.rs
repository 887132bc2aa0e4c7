//! Authentication of an upstream connection as the proxy itself: a SASL handshake and an exchange of SCRAM, for the first
//! time and again before the session ends (KIP-368).

mod fresh;

use crate::connection::Close;
use crate::credentials::Credentials;
use crate::frame::{Frame, FrameReader};
use crate::handler::lookup;
use crate::io::Writer;
use crate::scram::{ClientFirst, SHA_512, ScramError};
use crate::wire::{self, Direction};
use bytes::Bytes;
use fresh::Fresh;
use kafka_protocol::messages::{
    ApiKey, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, StrBytes};
use std::time::Duration;
use thiserror::Error;
use tokio::time::Instant;

const MECHANISM: &str = "SCRAM-SHA-512";
const HANDSHAKE_VERSION: i16 = 1;
/// The session's life is told from version 1 on.
const AUTHENTICATE_VERSION: i16 = 2;
/// `UNSUPPORTED_SASL_MECHANISM`.
const UNSUPPORTED_MECHANISM: i16 = 33;
/// For a connection's first authentication.
const PATIENCE: Duration = Duration::from_secs(10);
/// For a later one, which waits behind the answers to all that was asked before.
const RENEWAL_PATIENCE: Duration = Duration::from_mins(1);
/// A broker's words that are repeated.
const MAX_WORDS: usize = 200;

/// Why a broker does not take the proxy for what it says it is, or is not believed itself.
#[derive(Debug, Error)]
pub(crate) enum LoginError {
    #[error("the broker does not offer {MECHANISM}, but {0}")]
    Mechanism(String),
    #[error("the broker answers the SASL handshake with error {0}")]
    Handshake(i16),
    #[error("the broker refuses the proxy's user with error {0}: {1}")]
    Refused(i16, String),
    #[error(transparent)]
    Scram(#[from] ScramError),
    #[error("no answer to the authentication in time")]
    Timeout,
    #[error("deriving keys ended unexpectedly")]
    Derive,
}

/// Something that requests can be sent on, and answers come from. `body` is what follows the correlation id.
pub(crate) trait Ask {
    fn ask(
        &mut self,
        key: ApiKey,
        version: i16,
        body: &[u8],
    ) -> impl Future<Output = Result<Frame, Close>> + Send;
}

/// Authenticates a connection before anything else is sent on it. Returns when to do so again.
pub(crate) async fn first(
    credentials: &Credentials,
    reader: &mut FrameReader,
    writer: &mut Writer,
) -> Result<Option<Instant>, Close> {
    let mut fresh = Fresh::new(reader, writer);
    within(PATIENCE, log_in(credentials, &mut fresh)).await
}

/// Authenticates a connection again that is in use.
pub(crate) async fn again(
    credentials: &Credentials,
    connection: &mut (impl Ask + Send),
) -> Result<Option<Instant>, Close> {
    within(RENEWAL_PATIENCE, log_in(credentials, connection)).await
}

async fn within<T>(time: Duration, login: impl Future<Output = Result<T, Close>>) -> Result<T, Close> {
    tokio::time::timeout(time, login).await.map_err(|_| LoginError::Timeout)?
}

async fn log_in(
    credentials: &Credentials,
    connection: &mut (impl Ask + Send),
) -> Result<Option<Instant>, Close> {
    handshake(connection).await?;
    let password = credentials.password();
    let first = ClientFirst::new(&SHA_512, credentials.user()).map_err(LoginError::from)?;
    let challenge = authenticate(connection, first.message()).await?;
    let challenged = first.challenged(&challenge.auth_bytes).map_err(LoginError::from)?;
    let derivation = challenged.derivation().clone();
    let keys = tokio::task::spawn_blocking(move || password.keys(&derivation)).await;
    let (message, proved) = challenged.prove(keys.map_err(|_| LoginError::Derive)?);
    let start = Instant::now();
    let end = authenticate(connection, message).await?;
    proved.verify(&end.auth_bytes).map_err(LoginError::from)?;
    let life = u64::try_from(end.session_lifetime_ms).ok().filter(|life| *life > 0);
    // As early as Kafka's own clients do at the earliest.
    Ok(life.map(|life| start + Duration::from_millis(life) * 17 / 20))
}

async fn handshake(connection: &mut (impl Ask + Send)) -> Result<(), Close> {
    let failed = Close::Codec("SaslHandshake");
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(MECHANISM));
    let Some(body) = lookup::encode(&request, HANDSHAKE_VERSION, false) else { return Err(failed) };
    let frame = connection.ask(ApiKey::SaslHandshake, HANDSHAKE_VERSION, &body).await?;
    let body = frame.bytes.get(4..).unwrap_or_default();
    wire::check(ApiKey::SaslHandshake as i16, HANDSHAKE_VERSION, Direction::Response, body)
        .map_err(Close::Answer)?;
    let Ok(answer) = SaslHandshakeResponse::decode(&mut Bytes::copy_from_slice(body), HANDSHAKE_VERSION)
    else {
        return Err(failed);
    };
    match answer.error_code {
        0 => Ok(()),
        UNSUPPORTED_MECHANISM => {
            let offered: Vec<&str> = answer.mechanisms.iter().map(StrBytes::as_str).collect();
            Err(LoginError::Mechanism(words(&offered.join(", "))).into())
        }
        error => Err(LoginError::Handshake(error).into()),
    }
}

async fn authenticate(
    connection: &mut (impl Ask + Send),
    message: String,
) -> Result<SaslAuthenticateResponse, Close> {
    let failed = Close::Codec("SaslAuthenticate");
    let request = SaslAuthenticateRequest::default().with_auth_bytes(message.into_bytes().into());
    let Some(body) = lookup::encode(&request, AUTHENTICATE_VERSION, true) else { return Err(failed) };
    let frame = connection.ask(ApiKey::SaslAuthenticate, AUTHENTICATE_VERSION, &body).await?;
    let mut bytes = frame.bytes.freeze();
    // There are no counts in it that memory would be taken for.
    let answer = ResponseHeader::decode(&mut bytes, 1)
        .and_then(|_| SaslAuthenticateResponse::decode(&mut bytes, AUTHENTICATE_VERSION));
    match answer {
        Ok(answer) if answer.error_code == 0 => Ok(answer),
        Ok(answer) => {
            let message = answer.error_message.as_deref().unwrap_or_default();
            Err(LoginError::Refused(answer.error_code, words(message)).into())
        }
        Err(_) => Err(failed),
    }
}

/// A broker's words, in one line and not too many.
fn words(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_WORDS).collect()
}

impl From<LoginError> for Close {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}
