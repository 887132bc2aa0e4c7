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
    let stage = Stage {
        directory: tempfile::tempdir().unwrap(),
        certificate: certificate.der().to_vec(),
        contents: contents.map(String::into_bytes),
    };
    for (at, content) in stage.contents.iter().enumerate() {
        stage.write(at, content);
    }
    stage
});

impl Stage {
    fn path(&self, at: usize) -> PathBuf {
        self.directory.path().join(NAMES[at])
    }

    /// As a new file: a file system may wait for the disk when an old one is cut short and written.
    fn write(&self, at: usize, content: &[u8]) {
        let _may_not_be_there = std::fs::remove_file(self.path(at));
        std::fs::write(self.path(at), content).unwrap();
    }
}

/// Which file, then what stands in it; a certificate in DER where it is none of them.
pub(crate) fn fuzz_tls(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let which = usize::from(*which) % 5;
    let path = |at: usize| STAGE.path(at);
    if which == 4 {
        if let Some(subject) = principal::subject(bytes) {
            assert!(subject.is_empty() || subject.contains('='), "a subject has kinds");
            let _ = Principal::new(subject);
        }
        return;
    }
    STAGE.write(which, bytes);
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
    let loaded = ServerTls::load(files(Some(path(3))));
    STAGE.write(which, &STAGE.contents[which]);
    if let Err(error) = loaded {
        let told = crate::telemetry::chain(&error);
        assert!(!told.contains("PRIVATE KEY"), "no key is told");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let files = (0_u8..).zip(&STAGE.contents).map(|(which, content)| [&[which][..], content].concat());
    files.chain([[&[4][..], &STAGE.certificate].concat()]).collect()
}
