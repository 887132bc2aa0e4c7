//! Which subjects of certificates a listener takes.

use crate::repeats::Repeats;
use proxy_config::Principal;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate, X509Name};

/// Keywords that Java's `X500Principal` knows, and Kafka thereby; other attributes are written by number.
const KEYWORDS: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// Of a subject that is told of.
const LONGEST: usize = 1024;

/// Takes what another verifier takes, if its subject is on a list.
#[derive(Debug)]
pub(super) struct Allowed {
    certificates: Arc<dyn ClientCertVerifier>,
    subjects: HashSet<String>,
    refused: Arc<RefusedClients>,
}

/// Whose certificate is good, and yet not taken: told the first time at once, and then once a minute. A client comes again as often
/// as it likes. It is the listener's, and outlives a change of its files.
#[derive(Debug, Default)]
pub(crate) struct RefusedClients(Repeats<Option<String>>);

impl Allowed {
    pub(super) fn new(
        certificates: Arc<dyn ClientCertVerifier>,
        principals: &[Principal],
        refused: Arc<RefusedClients>,
    ) -> Self {
        let subjects = principals.iter().map(|principal| principal.as_str().to_owned()).collect();
        Self { certificates, subjects, refused }
    }
}

impl RefusedClients {
    fn count(&self, subject: &str) {
        let subject: String = subject.chars().take(LONGEST).collect();
        if let Some(connections) = self.0.due(Some(subject.clone()), || None, Instant::now()) {
            tell(Some(&subject), connections);
        }
    }

    /// Tells of those that no line told of for a minute. To be called now and then.
    pub(crate) fn flush(&self, now: Instant) {
        for (subject, connections) in self.0.flush(now) {
            tell(subject.as_deref(), connections);
        }
    }

    /// Tells of all that no line told of. To be called at the end.
    pub(crate) fn end(&self) {
        for (subject, connections) in self.0.rest() {
            tell(subject.as_deref(), connections);
        }
    }
}

fn tell(subject: Option<&str>, connections: u64) {
    tracing::info!(target: "audit", event = "clientRefused", subject, connections);
}

impl ClientCertVerifier for Allowed {
    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.certificates.verify_client_cert(certificate, intermediates, now)?;
        let subject = subject(certificate).ok_or(CertificateError::BadEncoding)?;
        if self.subjects.contains(&subject) {
            return Ok(verified);
        }
        self.refused.count(&subject);
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.certificates.root_hint_subjects()
    }

    fn offer_client_auth(&self) -> bool {
        self.certificates.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.certificates.client_auth_mandatory()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.certificates.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.certificates.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.certificates.supported_verify_schemes()
    }
}

/// A certificate's subject as RFC 2253 writes it: the last part first.
pub(super) fn subject(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    written(certificate.subject())
}

fn written(name: &X509Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.iter() {
        let attributes: Option<Vec<String>> = part.iter().map(attribute).collect();
        parts.push(attributes?.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let kind = dotted(attribute.attr_type());
    let keyword = KEYWORDS.iter().find(|(number, _)| *number == kind).map(|(_, keyword)| *keyword);
    Some(match (keyword, attribute.as_str()) {
        (Some(keyword), Ok(text)) => format!("{keyword}={}", escaped(text)),
        _ => format!("{}={}", keyword.unwrap_or(&kind), hexadecimal(attribute)?),
    })
}

fn dotted(number: &Oid<'_>) -> String {
    number.to_id_string()
}

/// RFC 2253, section 2.4.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, letter) in text.chars().enumerate() {
        let special = matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
        let edge = (letter == ' ' && (at == 0 || at == last)) || (letter == '#' && at == 0);
        if special || edge {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// The value's encoding, for what is no text.
fn hexadecimal(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    use x509_parser::asn1_rs::ToDer;
    let bytes = attribute.attr_value().to_der_vec().ok()?;
    let mut out = String::from("#");
    for byte in bytes {
        write!(out, "{byte:02x}").ok()?;
    }
    Some(out)
}
