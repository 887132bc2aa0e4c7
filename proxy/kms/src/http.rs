//! HTTP to a key management system: TLS by files, no redirects, answers of a bounded size.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Response, StatusCode};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::files::{self, FileError, Followed};

/// More than any answer to the calls that providers make has.
pub(crate) const LARGEST_ANSWER: usize = 256 << 10;
/// Room for any answer that holds a data key: a buffer that grew would leave parts of it behind.
const USUAL_ANSWER: usize = 16 << 10;
/// To connect; the whole call is limited by whoever makes it.
pub(crate) const CONNECT: Duration = Duration::from_secs(4);
/// A connection without a call for so long is closed rather than found dead by the next call.
pub(crate) const IDLE: Duration = Duration::from_mins(1);
/// The longest part of a server's own words that is repeated.
#[cfg(any(feature = "azure", feature = "gcp", feature = "ibm"))]
const LONGEST: usize = 200;

/// Files for TLS to a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// CA certificates to trust, PEM. Without it those of the system are trusted.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain and its private key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Why there is no client, or no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// A file for TLS cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file for TLS has not what it should have.
    #[error("{file} has no usable certificate or key: {cause}")]
    Pem {
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The client cannot be set up.
    #[error("failed to set up TLS: {0}")]
    Client(String),
    /// The call failed before there was a whole answer.
    #[error("{0}")]
    Call(String),
    /// The answer is larger than any that is expected.
    #[error("its answer is larger than {LARGEST_ANSWER} bytes")]
    TooLarge,
}

impl TlsFiles {
    /// All the files.
    pub(crate) fn followed(&self) -> Vec<Followed> {
        let identity = self
            .identity
            .iter()
            .flat_map(|(chain, key)| [Followed::Certificates(chain.clone()), Followed::Secret(key.clone())]);
        self.ca.iter().cloned().map(Followed::Certificates).chain(identity).collect()
    }

    /// A client that trusts and shows what the files have now.
    pub(crate) fn client(&self) -> Result<Client, HttpError> {
        let mut client = Client::builder()
            // A redirect would take a token to another server.
            .redirect(Policy::none())
            // Keys do not go through a proxy that an environment variable names.
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE);
        if let Some(ca) = &self.ca {
            let pem = files::read(ca)?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| bad_pem(ca, &error))?;
            if certificates.is_empty() {
                return Err(HttpError::Pem {
                    file: ca.display().to_string(),
                    cause: "it has no certificate".to_owned(),
                });
            }
            client = client.tls_certs_only(certificates);
        }
        if let Some((chain, key)) = &self.identity {
            let mut pem = files::read(key)?;
            pem.push(b'\n');
            pem.extend_from_slice(&files::read(chain)?);
            client = client.identity(Identity::from_pem(&pem).map_err(|error| bad_pem(key, &error))?);
        }
        client.build().map_err(|error| HttpError::Client(reason(&error)))
    }
}

fn bad_pem(file: &std::path::Path, error: &reqwest::Error) -> HttpError {
    HttpError::Pem { file: file.display().to_string(), cause: reason(error) }
}

/// Status and body of an answer.
pub(crate) async fn answer(
    response: Result<Response, reqwest::Error>,
) -> Result<(StatusCode, Zeroizing<Vec<u8>>), HttpError> {
    let call = |error: reqwest::Error| HttpError::Call(reason(&error));
    let mut response = response.map_err(call)?;
    let mut body = Zeroizing::new(Vec::with_capacity(USUAL_ANSWER));
    while let Some(chunk) = response.chunk().await.map_err(call)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), body))
}

/// A server's words, as far as they can stand in a line.
#[cfg(any(feature = "azure", feature = "gcp", feature = "ibm"))]
pub(crate) fn line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(LONGEST).collect::<String>().trim().to_owned()
}

/// The error with its causes, without an address that could hold more than a host and a path.
fn reason(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Layers repeat what the one below them said.
        if causes.last().is_none_or(|last: &String| !last.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    if causes.is_empty() { "the call failed".to_owned() } else { causes.join(": ") }
}
