//! PEM text to what rustls wants.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// All certificates of the text.
pub(crate) fn certificates(text: &str) -> Vec<CertificateDer<'static>> {
    sections(text, "CERTIFICATE").map(CertificateDer::from).collect()
}

/// The first PKCS #8 key of the text.
pub(crate) fn private_key(text: &str) -> PrivateKeyDer<'static> {
    let key = sections(text, "PRIVATE KEY").next().expect("the text has a PKCS #8 key");
    PrivatePkcs8KeyDer::from(key).into()
}

fn sections<'a>(text: &'a str, label: &str) -> impl Iterator<Item = Vec<u8>> + 'a {
    let begin = format!("-----BEGIN {label}-----");
    let bodies: Vec<&str> =
        text.split(&begin).skip(1).filter_map(|rest| rest.split("-----END").next()).collect();
    bodies.into_iter().map(|body| {
        let body: String = body.split_whitespace().collect();
        STANDARD.decode(body).expect("PEM holds base64")
    })
}
