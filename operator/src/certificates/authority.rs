//! An authority: its certificate and private key, and what it issues.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, SanType, SerialNumber,
};

use super::certificate::Certificate;
use super::client;
use super::entries::Entries;
use super::error::{Error, Problem};
use super::names::{ServerName, ServerNames};
use super::pem;
use super::private_key::PrivateKey;
use super::validity::{CLOCK_SKEW, later};
use crate::secret_text::SecretText;

const ORGANIZATION: &str = "encryption.strimzi.io";
/// The attribute `serialNumber` of a name. It tells an authority from its successor.
const NAME_SERIAL: [u64; 4] = [2, 5, 4, 5];

pub(super) struct Authority {
    certificate: Certificate,
    key: PrivateKey,
}

impl Authority {
    /// Reads an authority if the Secret has one. Half of one, or one that cannot issue, is an error.
    pub(super) fn read(
        entries: Entries<'_>,
        certificate_entry: &str,
        key_entry: &str,
    ) -> Result<Option<Self>, Error> {
        let (certificate, key) = match (entries.text(certificate_entry)?, entries.text(key_entry)?) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(Error::entry(certificate_entry, Problem::Missing)),
            (Some(_), None) => return Err(Error::entry(key_entry, Problem::Missing)),
            (Some(certificate), Some(key)) => (certificate, key),
        };
        let certificate =
            Certificate::read(&certificate).map_err(|problem| Error::entry(certificate_entry, problem))?;
        let key = PrivateKey::read(&key).map_err(|problem| Error::entry(key_entry, problem))?;
        // An end that somebody altered would have the key thrown away.
        if !certificate.is_authority() || !certificate.is_intact() {
            return Err(Error::entry(certificate_entry, Problem::NoAuthority));
        }
        if !key.fits(&certificate) {
            return Err(Error::entry(key_entry, Problem::OtherKey));
        }
        Ok(Some(Self { certificate, key }))
    }

    /// Makes a new one.
    pub(super) fn issue(kafka: &str, lifetime: SignedDuration, now: Timestamp) -> Result<Self, Error> {
        let key = PrivateKey::generate()?;
        let serial = serial()?;
        let mut params = params(&format!("{kafka}-encryption-ca"), now, later(now, lifetime));
        params.distinguished_name.push(DnType::CustomDnType(NAME_SERIAL.to_vec()), hex(&serial));
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(key.pair()).map_err(Error::Issue)?;
        Ok(Self { certificate: reread(&certificate, "ca.crt")?, key })
    }

    /// Issues a server certificate with a new key. It does not outlive the authority.
    pub(super) fn issue_server(
        &self,
        kafka: &str,
        names: &ServerNames,
        lifetime: SignedDuration,
        now: Timestamp,
    ) -> Result<(Certificate, PrivateKey), Error> {
        let key = PrivateKey::generate()?;
        let end = later(now, lifetime).min(self.certificate.not_after());
        let mut params = params(&format!("{kafka}-encryption"), now, end);
        params.serial_number = Some(SerialNumber::from_slice(&serial()?));
        params.subject_alt_names = names.iter().map(san).collect::<Result<_, _>>().map_err(Error::Issue)?;
        // Not a mere absence: only so is the identifier of the key in it.
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::from_ca_cert_der(&self.certificate.der().into(), self.key.pair())
            .map_err(|_| Error::entry("ca.crt", Problem::NoAuthority))?;
        let certificate = params.signed_by(key.pair(), &issuer).map_err(Error::Issue)?;
        let certificate = reread(&certificate, "ca.crt")?;
        // An authority that a person brought may have a name that is not copied exactly, or what clients do not accept.
        let is_ours = certificate.is_issued_by(&self.certificate);
        if is_ours && client::accepts(&self.certificate, &certificate, names, now) {
            Ok((certificate, key))
        } else {
            Err(Error::entry("ca.crt", Problem::NoAuthority))
        }
    }

    pub(super) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(super) fn into_certificate(self) -> Certificate {
        self.certificate
    }

    pub(super) fn key_text(&self) -> &SecretText {
        self.key.text()
    }
}

/// What both kinds of certificate have.
fn params(common_name: &str, now: Timestamp, end: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(later(now, -CLOCK_SKEW));
    params.not_after = epoch + since_epoch(end);
    params.use_authority_key_identifier_extension = true;
    params
}

/// In whole seconds, as certificates have them. A clock before 1970 is none.
fn since_epoch(time: Timestamp) -> std::time::Duration {
    std::time::Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0))
}

/// A random positive number of 16 bytes.
fn serial() -> Result<[u8; 16], Error> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::GenerateSerial)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn san(name: &ServerName) -> Result<SanType, rcgen::Error> {
    Ok(match name {
        ServerName::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        ServerName::Ip(address) => SanType::IpAddress(*address),
    })
}

/// One way in for certificates, whoever made them.
fn reread(certificate: &rcgen::Certificate, entry: &str) -> Result<Certificate, Error> {
    let text = SecretText::new(pem::encode(pem::CERTIFICATE, certificate.der()));
    Certificate::read(&text).map_err(|problem| Error::entry(entry, problem))
}
