//! One connection: mutual TLS, a request and its answer at a time, answers of a bounded size.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::message::{Answer, RESPONSE_MESSAGE};
use super::settings::KmipSettings;
use super::ttlv::{HEAD, length_of};
use crate::files::{self, FileError};
use crate::http::CONNECT;

/// More than any answer to the calls made here has.
const LARGEST_ANSWER: usize = 64 << 10;

/// Why there is no connection, or no answer.
#[derive(Debug, Error)]
pub(super) enum ConnectionError {
    /// A file for TLS cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file for TLS has not what it should have.
    #[error("{0} has no usable certificate or key")]
    Pem(String),
    /// The name cannot be in a certificate.
    #[error("'{0}' is not the name of a server")]
    Name(String),
    /// TLS cannot be set up with what the files have.
    #[error("failed to set up TLS: {0}")]
    Tls(String),
    /// The server was not reached.
    #[error("failed to connect: {}", reason(.0))]
    Connect(#[source] io::Error),
    /// It does not answer when a connection is made.
    #[error("failed to connect: no answer within {CONNECT:?}")]
    Slow,
    /// The connection failed before there was a whole answer.
    #[error("failed to get an answer: {}", reason(.0))]
    Call(#[source] io::Error),
    /// What came is not the beginning of an answer.
    #[error("its answer is not one of KMIP's")]
    Malformed,
    /// The answer is to something else than what was asked.
    #[error("its answer is to another request")]
    Unasked,
    /// The answer is larger than any that is expected.
    #[error("its answer is larger than {LARGEST_ANSWER} bytes")]
    TooLarge,
}

/// TLS with what the files have now.
pub(super) fn tls(settings: &KmipSettings) -> Result<Arc<ClientConfig>, ConnectionError> {
    let bad = |path: &Path| ConnectionError::Pem(path.display().to_string());
    let failed = |error: tokio_rustls::rustls::Error| ConnectionError::Tls(error.to_string());
    let certificates = |path: &Path| {
        let pem = files::read(path)?;
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        all.ok().filter(|all| !all.is_empty()).ok_or_else(|| bad(path))
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&settings.ca)? {
        roots.add(certificate).map_err(|_| bad(&settings.ca))?;
    }
    let pem = files::read(&settings.key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| bad(&settings.key))?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&settings.certificate)?, key)
        .map_err(failed)?;
    Ok(Arc::new(config))
}

/// A connection over which nothing is on its way.
pub(super) struct Connection<S = TlsStream<TcpStream>>(S);

impl Connection {
    pub(super) async fn open(
        settings: &KmipSettings,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, ConnectionError> {
        let host = settings.host.clone();
        let name = ServerName::try_from(host.clone()).map_err(|_| ConnectionError::Name(host.clone()))?;
        let connect = async {
            let stream = TcpStream::connect((host.as_str(), settings.port)).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(tls).connect(name, stream).await
        };
        match timeout(CONNECT, connect).await {
            Ok(stream) => stream.map(Self).map_err(ConnectionError::Connect),
            Err(_) => Err(ConnectionError::Slow),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Whether it is open and nothing came that was not asked for, which would be taken for the next answer.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        poll_fn(|context| {
            let read = Pin::new(&mut self.0).poll_read(context, &mut ReadBuf::new(&mut byte));
            Poll::Ready(read.is_pending())
        })
        .await
    }

    /// After an error, or when this is not awaited to its end, the connection is of no more use.
    pub(super) async fn call(&mut self, request: &[u8]) -> Result<Answer, ConnectionError> {
        self.0.write_all(request).await.map_err(ConnectionError::Call)?;
        self.0.flush().await.map_err(ConnectionError::Call)?;
        let mut head = [0; HEAD];
        self.0.read_exact(&mut head).await.map_err(ConnectionError::Call)?;
        let length = length_of(head, RESPONSE_MESSAGE).ok_or(ConnectionError::Malformed)?;
        if length > LARGEST_ANSWER {
            return Err(ConnectionError::TooLarge);
        }
        let mut answer = Zeroizing::new(vec![0; HEAD + length]);
        self.0.read_exact(answer.get_mut(HEAD..).unwrap_or_default()).await.map_err(ConnectionError::Call)?;
        Ok(Answer(answer))
    }
}

/// The error, and for one of TLS what that is about.
fn reason(error: &io::Error) -> String {
    match error.source() {
        Some(cause) if !error.to_string().contains(&cause.to_string()) => format!("{error}: {cause}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::Failure;
    use super::*;

    /// What comes of an answer.
    async fn answered(bytes: &[u8]) -> Result<Answer, ConnectionError> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        theirs.write_all(bytes).await.unwrap();
        theirs.shutdown().await.unwrap();
        Connection(ours).call(b"request").await
    }

    #[tokio::test]
    async fn a_length_is_not_believed() {
        for length in [LARGEST_ANSWER + 8, u32::MAX as usize] {
            let length = u32::try_from(length).unwrap().to_be_bytes();
            let head = [&[0x42, 0, 0x7b, 1][..], &length].concat();
            assert!(matches!(answered(&head).await, Err(ConnectionError::TooLarge)));
        }
        let short = [0x42, 0, 0x7b, 1, 0, 0, 0, 16, 0, 0];
        assert!(matches!(answered(&short).await, Err(ConnectionError::Call(_))));
        for garbage in
            [&b"HTTP/1.1 200 OK"[..], &[0x42, 0, 0x78, 1, 0, 0, 0, 0], &[0x42, 0, 0x7b, 8, 0, 0, 0, 0]]
        {
            assert!(matches!(answered(garbage).await, Err(ConnectionError::Malformed)));
        }
    }

    #[tokio::test]
    async fn a_connection_with_more_behind_an_answer_is_not_used_again() {
        let answer = [0x42, 0, 0x7b, 1, 0, 0, 0, 0];
        for (behind, quiet) in [(&b""[..], true), (&[0x42], false)] {
            let (ours, mut theirs) = tokio::io::duplex(1 << 20);
            theirs.write_all(&[&answer[..], behind].concat()).await.unwrap();
            let mut connection = Connection(ours);
            connection.call(b"request").await.unwrap();
            assert_eq!(connection.is_quiet().await, quiet);
            drop(theirs);
            assert!(!connection.is_quiet().await, "it is closed");
        }
    }

    #[tokio::test]
    async fn an_answer_without_content_is_none() {
        let empty = [0x42, 0, 0x7b, 1, 0, 0, 0, 0];
        let answer = answered(&empty).await.unwrap();
        assert!(matches!(answer.decrypted().map(drop), Err(Failure::Unavailable(_))));
        assert!(matches!(answer.located(), Err(Failure::Unavailable(_))));
        // An item that claims to be longer than the answer.
        let lying = [&[0x42, 0, 0x7b, 1, 0, 0, 0, 8][..], &[0x42, 0, 0x0f, 1, 0, 0, 0xff, 0xf8]].concat();
        let answer = answered(&lying).await.unwrap();
        assert!(matches!(answer.key().map(drop), Err(Failure::Unavailable(_))));
    }
}
