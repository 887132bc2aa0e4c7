//! Certificates for a test: an authority, and what it signs, as PEM files.

use std::fs;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RevokedCertParams,
    SerialNumber, date_time_ymd,
};

use crate::scratch::Scratch;

/// An authority and the folder with its PEM files.
#[derive(Debug)]
pub struct Certificates {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: Scratch,
}

/// A certificate and its private key (PKCS #8), as PEM files.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Both in one file, as Kafka's PEM key stores want them (key first).
    pub bundle: PathBuf,
}

impl Certificates {
    /// A new authority, which nobody else trusts.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        let key = KeyPair::generate().expect("a key can be made");
        let authority = CertifiedIssuer::self_signed(params, key).expect("the authority signs itself");
        let folder = Scratch::new("certificates");
        fs::write(folder.join("ca.crt"), authority.pem()).expect("the folder is ours");
        Self { authority, folder }
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// A server's identity for `localhost`, `127.0.0.1` and these further names.
    pub fn server(&self, file: &str, names: &[&str]) -> Identity {
        let names: Vec<&str> = ["localhost", "127.0.0.1"].iter().chain(names).copied().collect();
        self.server_named(file, &names)
    }

    /// A server's identity for these names only.
    pub fn server_named(&self, file: &str, names: &[&str]) -> Identity {
        self.sign(file, "server", of_server(names))
    }

    /// The same as [`Self::server`] with a key of RSA, where all others have keys on an elliptic curve.
    pub fn rsa_server(&self, file: &str) -> Identity {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key can be made");
        self.sign_key(file, "server", of_server(&["localhost", "127.0.0.1"]), &key)
    }

    /// A client's identity with this common name.
    pub fn client(&self, file: &str, common_name: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(file, common_name, params)
    }

    /// The same with this serial number, by which it can be revoked.
    pub fn numbered_client(&self, file: &str, common_name: &str, serial: u64) -> Identity {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(serial.into());
        self.sign(file, common_name, params)
    }

    /// The authority's list of the serial numbers that it has revoked, as PEM.
    pub fn revocation_list(&self, serials: &[u64]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2999, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.authority).expect("the authority signs");
        list.pem().expect("a list can be written as PEM")
    }

    /// A client's identity that ended long ago.
    pub fn expired_client(&self, file: &str, common_name: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.sign(file, common_name, params)
    }

    fn sign(&self, file: &str, common_name: &str, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        self.sign_key(file, common_name, params, &key)
    }

    fn sign_key(
        &self,
        file: &str,
        common_name: &str,
        mut params: CertificateParams,
        key: &KeyPair,
    ) -> Identity {
        params.distinguished_name.push(DnType::CommonName, common_name);
        let certificate = params.signed_by(key, &self.authority).expect("the authority signs");
        let identity = Identity {
            certificate: self.folder.join(format!("{file}.crt")),
            key: self.folder.join(format!("{file}.key")),
            bundle: self.folder.join(format!("{file}.pem")),
        };
        fs::write(&identity.certificate, certificate.pem()).expect("the folder is ours");
        fs::write(&identity.key, key.serialize_pem()).expect("the folder is ours");
        fs::write(&identity.bundle, key.serialize_pem() + &certificate.pem()).expect("the folder is ours");
        identity
    }
}

fn of_server(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("the names are valid");
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// Certificate and key as one PEM text.
    pub fn text(&self) -> String {
        fs::read_to_string(&self.bundle).expect("it was written before")
    }
}
