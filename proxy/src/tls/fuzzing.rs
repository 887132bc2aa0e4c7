//! Certificates, private keys, revocation lists and the subjects of clients.

use super::principal;
use super::{Clients, IdentityFiles, ServerFiles, ServerTls, Trusted};
use proxy_config::{ClientCertificates, Principal, TlsVersion};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::path::PathBuf;
use std::sync::LazyLock;
use tempfile::TempDir;

/// Files that are in order; each run puts another in the place of one of them.
struct Stage {
    directory: TempDir,
    /// A subject's certificate, in DER.
    certificate: Vec<u8>,
    contents: [Vec<u8>; 4],
}

const NAMES: [&str; 4] = ["tls.crt", "tls.key", "ca.crt", "ca.crl"];

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a, b #1");
    params.distinguished_name.push(DnType::OrganizationName, "Org");
    params.distinguished_name.push(DnType::CustomDnType(vec![1, 2, 3, 4]), "x");
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let revoked = RevokedCertParams {
        serial_number: SerialNumber::from(7),
        revocation_time: date_time_ymd(2024, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2024, 1, 1),
        next_update: date_time_ymd(2100, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&authority).unwrap();
    let contents = [certificate.pem(), key.serialize_pem(), authority.pem(), list.pem().unwrap()];
    Stage {
        directory: tempfile::tempdir().unwrap(),
        certificate: certificate.der().to_vec(),
        contents: contents.map(String::into_bytes),
    }
});

/// Which file, then what stands in it; a certificate in DER where it is none of them.
pub(crate) fn fuzz_tls(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let which = usize::from(*which) % 5;
    let path = |at: usize| STAGE.directory.path().join(NAMES[at]);
    if which == 4 {
        if let Some(subject) = principal::subject(bytes) {
            assert!(subject.is_empty() || subject.contains('='), "a subject has kinds");
            let _ = Principal::new(subject);
        }
        return;
    }
    for (at, content) in STAGE.contents.iter().enumerate() {
        std::fs::write(path(at), if at == which { bytes } else { content }).unwrap();
    }
    let files = |revoked: Option<PathBuf>| ServerFiles {
        identity: IdentityFiles { certificate: path(0), key: path(1) },
        clients: Some(Clients {
            authorities: Trusted::Files(vec![path(2)]),
            required: ClientCertificates::Required,
            revoked,
            principals: Some(Vec::new()),
        }),
        min_version: TlsVersion::Tls12,
        cipher_suites: None,
    };
    if let Err(error) = ServerTls::load(files(Some(path(3)))) {
        let told = crate::telemetry::chain(&error);
        assert!(!told.contains("PRIVATE KEY"), "no key is told");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let files = (0_u8..).zip(&STAGE.contents).map(|(which, content)| [&[which][..], content].concat());
    files.chain([[&[4][..], &STAGE.certificate].concat()]).collect()
}
