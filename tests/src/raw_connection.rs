//! A small Kafka client for protocol tests: it sends what it is told to, sound or not, and shows what comes back.

mod partition;
mod topics;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, DEFAULT_VERSIONS, RootCertStore, SupportedProtocolVersion};

use crate::certificates::Identity;
use crate::pem;

pub use partition::{Appended, By, Fetched, Location};

/// Longer than any answer takes, held ones included.
const PATIENCE: Duration = Duration::from_secs(40);

/// One connection, to a broker or a proxy.
pub struct RawConnection {
    stream: Box<dyn Stream>,
    last_correlation: i32,
    client_id: Option<StrBytes>,
    header_tags: BTreeMap<i32, Bytes>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl RawConnection {
    /// Connects in clear to `host:port`.
    pub async fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(Box::new(stream)))
    }

    /// The same, from this address of the machine's to an IPv4 address.
    pub async fn connect_from(own: [u8; 4], address: &str) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((own, 0)))?;
        let stream = socket.connect(address.parse().map_err(io::Error::other)?).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(Box::new(stream)))
    }

    /// The same, through a load balancer that says by the PROXY protocol, version 2, that the connection is of this address.
    pub async fn connect_for(address: &str, client: impl Into<IpAddr>) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        // The signature; version 2, command PROXY.
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
        // TCP over IPv4 or IPv6; how many bytes follow; both addresses.
        match client.into() {
            IpAddr::V4(client) => {
                header.extend(b"\x11\0\x0c");
                header.extend([client, Ipv4Addr::LOCALHOST].map(|address| address.octets()).concat());
            }
            IpAddr::V6(client) => {
                header.extend(b"\x21\0\x24");
                header.extend([client, Ipv6Addr::LOCALHOST].map(|address| address.octets()).concat());
            }
        }
        // Both ports.
        header.extend([0x12, 0x34, 0x23, 0x84]);
        stream.write_all(&header).await?;
        Ok(Self::over(Box::new(stream)))
    }

    /// Connects over TLS, trusting the authority in this PEM text, with a certificate of its own when there is one.
    pub async fn connect_tls(
        address: &str,
        name: &str,
        authority: &str,
        own: Option<&Identity>,
    ) -> io::Result<Self> {
        Self::connect_tls_in(DEFAULT_VERSIONS, address, name, authority, own).await
    }

    /// The same, offering these versions of TLS alone.
    pub async fn connect_tls_in(
        versions: &[&'static SupportedProtocolVersion],
        address: &str,
        name: &str,
        authority: &str,
        own: Option<&Identity>,
    ) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in pem::certificates(authority) {
            roots.add(certificate).map_err(io::Error::other)?;
        }
        let config = ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots);
        let config = match own {
            None => config.with_no_client_auth(),
            Some(own) => {
                let bundle = own.text();
                let key = pem::private_key(&bundle);
                config.with_client_auth_cert(pem::certificates(&bundle), key).map_err(io::Error::other)?
            }
        };
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Ok(Self::over(Box::new(stream)))
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            last_correlation: 0,
            client_id: Some(StrBytes::from_static_str("raw")),
            header_tags: BTreeMap::new(),
        }
    }

    /// Calls itself so from now on, and adds this tagged field to headers that may have any.
    pub fn introduce(&mut self, client_id: &'static str, tag: i32, value: &'static [u8]) {
        self.client_id = Some(StrBytes::from_static_str(client_id));
        self.header_tags.insert(tag, Bytes::from_static(value));
    }

    /// Sends bytes as they are, without a length before them.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends bytes as one frame, with their length before them.
    pub async fn send_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        let mut bytes = BytesMut::with_capacity(frame.len() + 4);
        bytes.put_u32(u32::try_from(frame.len()).map_err(io::Error::other)?);
        bytes.put_slice(frame);
        self.send_bytes(&bytes).await
    }

    /// A request as a frame without its length, and its correlation id. The header may claim another key or version.
    pub fn encode<R: Request>(&mut self, request: &R, version: i16) -> (i32, Bytes) {
        self.last_correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.last_correlation)
            .with_client_id(self.client_id.clone())
            .with_unknown_tagged_fields(self.header_tags.clone());
        let mut frame = BytesMut::new();
        header.encode(&mut frame, R::header_version(version)).expect("the header can be encoded");
        request.encode(&mut frame, version).expect("the request can be encoded in this version");
        (self.last_correlation, frame.freeze())
    }

    /// Sends a request without waiting; returns its correlation id.
    pub async fn send<R: Request>(&mut self, request: &R, version: i16) -> io::Result<i32> {
        let (correlation, frame) = self.encode(request, version);
        self.send_frame(&frame).await?;
        Ok(correlation)
    }

    /// The next frame; an `UnexpectedEof` error when the peer closed the connection.
    pub async fn receive_frame(&mut self) -> io::Result<Bytes> {
        let read = async {
            let length = self.stream.read_u32().await?;
            let mut frame = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            self.stream.read_exact(&mut frame).await?;
            Ok(Bytes::from(frame))
        };
        timeout(PATIENCE, read).await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer"))?
    }

    /// The next frame as the answer to `R`, with the correlation id that it carries.
    pub async fn receive<R: Request>(&mut self, version: i16) -> io::Result<(i32, R::Response)> {
        let mut frame = self.receive_frame().await?;
        let header = ResponseHeader::decode(&mut frame, R::Response::header_version(version))
            .map_err(io::Error::other)?;
        let response = R::Response::decode(&mut frame, version).map_err(io::Error::other)?;
        assert!(!frame.has_remaining(), "{} bytes follow the answer to API {}", frame.remaining(), R::KEY);
        Ok((header.correlation_id, response))
    }

    /// Sends a request and waits for its answer, which must be the next one.
    pub async fn call<R: Request>(&mut self, request: &R, version: i16) -> io::Result<R::Response> {
        let sent = self.send(request, version).await?;
        let (received, response) = self.receive::<R>(version).await?;
        assert_eq!(received, sent, "the answer belongs to another request");
        Ok(response)
    }

    /// The API versions that the peer announces.
    pub async fn api_versions(&mut self) -> io::Result<ApiVersionsResponse> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("raw"))
            .with_client_software_version(StrBytes::from_static_str("1"));
        self.call(&request, 3).await
    }

    /// Whether the peer closes the connection, without a further byte, within `limit`.
    pub async fn closes_within(&mut self, limit: Duration) -> bool {
        let mut byte = [0];
        match timeout(limit, self.stream.read(&mut byte)).await {
            Ok(Ok(count)) => count == 0,
            Ok(Err(_)) => true,
            Err(_) => false,
        }
    }

    /// Says that nothing more will be sent, and still reads.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

impl Debug for RawConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RawConnection")
            .field("last_correlation", &self.last_correlation)
            .finish_non_exhaustive()
    }
}
