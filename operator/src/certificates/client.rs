//! The server certificate as a client sees it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};

use super::certificate::Certificate;
use super::names::ServerNames;

/// Whether a client that trusts this authority alone accepts the certificate for every name. The parser behind
/// [`Certificate`] forgives more than clients do.
pub(super) fn accepts(
    authority: &Certificate,
    server: &Certificate,
    names: &ServerNames,
    now: Timestamp,
) -> bool {
    let mut roots = RootCertStore::empty();
    if roots.add(authority.der().into()).is_err() {
        return false;
    }
    let Ok(verifier) =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider())).build()
    else {
        return false;
    };
    let certificate = CertificateDer::from(server.der());
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0)));
    names.iter().all(|name| {
        name.asked_for()
            .is_some_and(|name| verifier.verify_server_cert(&certificate, &[], &name, &[], now).is_ok())
    })
}
