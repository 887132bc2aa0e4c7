//! Where a connection comes from, as a load balancer says at its beginning: PROXY protocol, version 2.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use ppp::v2::{Addresses, Command, Header};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Signature, version and command, family, length.
const FIXED: usize = 16;
/// Addresses of both sides take at most 216 bytes; the rest is for what balancers add, such as names and checksums.
const MOST: usize = 2048;

/// Why a connection is closed before it says anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum OriginError {
    #[error("failed to read the PROXY protocol header")]
    Read(#[source] std::io::Error),
    #[error("it begins without a PROXY protocol header of version 2")]
    Header,
    #[error("its PROXY protocol header has {0} bytes, more than {MOST}")]
    Size(usize),
}

/// Reads the header, and no byte behind it. `None` where the balancer itself is meant, as for its health checks, or where it does
/// not say.
pub(super) async fn read(io: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, OriginError> {
    let mut header = vec![0; FIXED];
    io.read_exact(&mut header).await.map_err(OriginError::Read)?;
    let length = header.get(FIXED - 2..).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes);
    // What is no header may be anything, and need not be followed by so many bytes.
    if !header.starts_with(ppp::v2::PROTOCOL_PREFIX) {
        return Err(OriginError::Header);
    }
    let size = FIXED + usize::from(length.unwrap_or_default());
    if size > MOST {
        return Err(OriginError::Size(size));
    }
    header.resize(size, 0);
    let rest = header.get_mut(FIXED..).unwrap_or_default();
    io.read_exact(rest).await.map_err(OriginError::Read)?;
    let header = Header::try_from(header.as_slice()).map_err(|_| OriginError::Header)?;
    Ok(match (header.command, header.addresses) {
        (Command::Proxy, Addresses::IPv4(ip)) => Some((ip.source_address, ip.source_port).into()),
        (Command::Proxy, Addresses::IPv6(ip)) => Some((ip.source_address, ip.source_port).into()),
        (Command::Local, _) | (Command::Proxy, Addresses::Unix(_) | Addresses::Unspecified) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppp::v2::{Builder, Protocol, Version};
    use proptest::prelude::*;

    fn header(command: Command, source: &str) -> Vec<u8> {
        let source: SocketAddr = source.parse().unwrap();
        let builder = Builder::with_addresses(Version::Two | command, Protocol::Stream, (source, source));
        // Balancers add things behind the addresses.
        builder.write_tlv(ppp::v2::Type::UniqueId, b"0123456789").unwrap().build().unwrap()
    }

    async fn origin(bytes: &[u8]) -> (Result<Option<SocketAddr>, OriginError>, Vec<u8>) {
        let mut io = bytes;
        let origin = read(&mut io).await;
        (origin, io.to_vec())
    }

    #[tokio::test]
    async fn a_balancer_tells_whose_connection_it_is() {
        for source in ["192.0.2.7:4711", "[2001:db8::7]:4711"] {
            let bytes = [header(Command::Proxy, source), b"TLS".to_vec()].concat();
            let (origin, rest) = origin(&bytes).await;
            assert_eq!(origin.unwrap(), Some(source.parse().unwrap()));
            assert_eq!(rest, b"TLS", "what comes behind is not touched");
        }
        assert_eq!(origin(&header(Command::Local, "192.0.2.7:4711")).await.0.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let good = header(Command::Proxy, "192.0.2.7:4711");
        assert!(matches!(origin(&good[..20]).await.0, Err(OriginError::Read(_))), "cut off");
        assert!(matches!(origin(b"PROXY TCP4 192.0.2.7 ").await.0, Err(OriginError::Header)), "version 1");
        let version = [&good[..12], &[0x31], &good[13..]].concat();
        assert!(matches!(origin(&version).await.0, Err(OriginError::Header)), "version 3");
        let long = [&good[..14], &[0xff, 0xff], &good[16..]].concat();
        assert!(matches!(origin(&long).await.0, Err(OriginError::Size(65_551))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
            let bytes = [ppp::v2::PROTOCOL_PREFIX, &tail].concat();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _any = runtime.block_on(origin(&bytes));
        }
    }
}
