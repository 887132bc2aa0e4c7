//! A certificate as far as the operator looks at it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

use super::error::Problem;
use super::names::ServerName;
use super::pem;
use crate::secret_text::SecretText;

#[derive(Clone)]
pub(super) struct Certificate {
    der: Vec<u8>,
    /// As the Secret has it.
    text: SecretText,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: Vec<u8>,
}

impl Certificate {
    /// Reads a text that holds one certificate and nothing else, least of all a private key.
    pub(super) fn read(text: &SecretText) -> Result<Self, Problem> {
        let blocks = pem::decode(text.expose()).ok_or(Problem::Certificate)?;
        let [block] = blocks.as_slice() else { return Err(Problem::Certificate) };
        if block.label != pem::CERTIFICATE {
            return Err(Problem::Certificate);
        }
        let x509 = parse(&block.contents).ok_or(Problem::Certificate)?;
        Ok(Self {
            der: block.contents.to_vec(),
            text: text.clone(),
            not_before: timestamp(x509.validity().not_before).ok_or(Problem::Certificate)?,
            not_after: timestamp(x509.validity().not_after).ok_or(Problem::Certificate)?,
            public_key: x509.public_key().subject_public_key.data.to_vec(),
        })
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn text(&self) -> &SecretText {
        &self.text
    }

    pub(super) fn not_before(&self) -> Timestamp {
        self.not_before
    }

    pub(super) fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether clients accept its dates.
    pub(super) fn is_valid_at(&self, time: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }

    pub(super) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Whether it may sign others, and has a name that can be copied into them.
    pub(super) fn is_authority(&self) -> bool {
        parse(&self.der).is_some_and(|x509| {
            let signs = match x509.key_usage() {
                Ok(Some(usage)) => usage.value.key_cert_sign(),
                Ok(None) => true,
                Err(_) => false,
            };
            // What is copied is one attribute in each part of the name.
            x509.is_ca() && signs && x509.subject().iter_rdn().all(|part| part.iter().count() == 1)
        })
    }

    /// Whether that authority signed it and is named in it.
    pub(super) fn is_issued_by(&self, authority: &Self) -> bool {
        let (Some(x509), Some(issuer)) = (parse(&self.der), parse(&authority.der)) else { return false };
        x509.issuer().as_raw() == issuer.subject().as_raw()
            && x509.verify_signature(Some(issuer.public_key())).is_ok()
    }

    /// Whether nobody altered it since it signed itself. Of one that another authority signed, nothing is known.
    pub(super) fn is_intact(&self) -> bool {
        parse(&self.der).is_some_and(|x509| {
            x509.issuer().as_raw() != x509.subject().as_raw() || x509.verify_signature(None).is_ok()
        })
    }

    /// Names that it is for; nothing if it has names of other kinds.
    pub(super) fn names(&self) -> Option<BTreeSet<ServerName>> {
        let x509 = parse(&self.der)?;
        let names = x509.subject_alternative_name().ok()??;
        names.value.general_names.iter().map(server_name).collect()
    }
}

/// The certificates of a bundle in DER, as far as it can be read.
pub(super) fn read_bundle(text: &str) -> BTreeSet<Vec<u8>> {
    let blocks = pem::decode(text).unwrap_or_default();
    blocks.into_iter().map(|block| block.contents.to_vec()).collect()
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    match x509_parser::parse_x509_certificate(der) {
        Ok(([], x509)) => Some(x509),
        _ => None,
    }
}

fn timestamp(time: ASN1Time) -> Option<Timestamp> {
    Timestamp::from_second(time.timestamp()).ok()
}

fn server_name(name: &GeneralName<'_>) -> Option<ServerName> {
    match name {
        GeneralName::DNSName(name) => Some(ServerName::Dns(name.to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(ServerName::Ip)
        }
        _ => None,
    }
}
