//! Opens ports.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where to listen instead, if an address could not be bound since the machine has no IPv6: `[::]` means every address of
/// both families, which it is where there are both.
pub(crate) fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    let is_another = [io::ErrorKind::AddrInUse, io::ErrorKind::PermissionDenied].contains(&error.kind());
    (address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && !is_another)
        .then(|| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_that_of_ipv4_where_there_is_no_other() {
        let any = "[::]:9092".parse().unwrap();
        // What Linux says of a socket of a family that the kernel does not have.
        let unsupported = io::Error::from_raw_os_error(97);
        assert_eq!(without_ipv6(any, &unsupported), Some("0.0.0.0:9092".parse().unwrap()));
        assert_eq!(without_ipv6(any, &io::ErrorKind::AddrInUse.into()), None);
        assert_eq!(without_ipv6("[::1]:9092".parse().unwrap(), &unsupported), None);
        assert_eq!(without_ipv6("0.0.0.0:9092".parse().unwrap(), &unsupported), None);
    }

    #[test]
    fn every_address_takes_both_families() {
        let Ok(socket) = std::net::TcpListener::bind("[::]:0") else { return };
        let port = socket.local_addr().unwrap().port();
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    }
}
