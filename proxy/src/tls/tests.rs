//! Handshakes over an in-memory pipe, with certificates made here.

mod clients;

use super::*;
use proxy_config::{ClientCertificates, TlsVersion};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::rustls::pki_types::ServerName;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        Self::called("authority")
    }

    fn called(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, directory: &Path, name: &str) -> IdentityFiles {
        self.issue_as(directory, name, &CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    fn issue_as(&self, directory: &Path, name: &str, params: &CertificateParams) -> IdentityFiles {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let files = IdentityFiles {
            certificate: directory.join(format!("{name}.crt")),
            key: directory.join(format!("{name}.key")),
        };
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    fn write(&self, path: &Path) {
        std::fs::write(path, self.0.pem()).unwrap();
    }
}

struct Fixture {
    directory: tempfile::TempDir,
    authority: Authority,
    server: ServerFiles,
    client: ClientFiles,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let ca = directory.path().join("ca.crt");
        authority.write(&ca);
        let identity = authority.issue(directory.path(), "broker.test");
        Self {
            server: ServerFiles {
                identity,
                clients: None,
                min_version: TlsVersion::Tls12,
                cipher_suites: None,
            },
            client: ClientFiles { trusted: Trusted::Files(vec![ca]), identity: None },
            directory,
            authority,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Clients of these authorities, whoever they are, with a certificate.
fn of(authorities: Trusted) -> Clients {
    Clients { authorities, required: ClientCertificates::Required, revoked: None, principals: None }
}

/// Both sides must agree, and one byte must pass: in TLS 1.3 a client learns of a refusal only when it reads.
async fn handshake(server: &ServerTls, client: &ClientTls, name: &'static str) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (acceptor, connector) = (tokio_rustls::TlsAcceptor::from(server.config()), client.connector());
    let accept = async {
        let mut stream = acceptor.accept(far).await?;
        stream.write_all(b"x").await?;
        stream.flush().await
    };
    let connect = async {
        let mut stream = connector.connect(ServerName::try_from(name).unwrap(), near).await?;
        stream.read_u8().await
    };
    let (accepted, connected) = tokio::join!(accept, connect);
    accepted.is_ok() && connected.is_ok()
}

#[tokio::test]
async fn verifies_issuer_and_name() {
    let fixture = Fixture::new();
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let client = ClientTls::load(fixture.client.clone()).unwrap();
    assert!(handshake(&server, &client, "broker.test").await);
    assert!(!handshake(&server, &client, "other.test").await);

    let stranger = fixture.path("stranger.crt");
    Authority::new().write(&stranger);
    let client =
        ClientTls::load(ClientFiles { trusted: Trusted::Files(vec![stranger]), identity: None }).unwrap();
    assert!(!handshake(&server, &client, "broker.test").await);
}

#[tokio::test]
async fn trusts_every_certificate_of_every_file() {
    let fixture = Fixture::new();
    let both = fixture.path("both.crt");
    let pem = Authority::new().0.pem() + &fixture.authority.0.pem();
    std::fs::write(&both, pem).unwrap();
    let first = fixture.path("first.crt");
    Authority::new().write(&first);
    let client =
        ClientTls::load(ClientFiles { trusted: Trusted::Files(vec![first, both]), identity: None }).unwrap();
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    assert!(handshake(&server, &client, "broker.test").await);
}

#[tokio::test]
async fn a_client_ca_demands_a_certificate() {
    let mut fixture = Fixture::new();
    fixture.server.clients = Some(of(Trusted::Files(vec![fixture.path("ca.crt")])));
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let anonymous = ClientTls::load(fixture.client.clone()).unwrap();
    assert!(!handshake(&server, &anonymous, "broker.test").await);

    let identity = fixture.authority.issue(fixture.directory.path(), "client.test");
    let known = ClientTls::load(ClientFiles { identity: Some(identity), ..fixture.client.clone() }).unwrap();
    assert!(handshake(&server, &known, "broker.test").await);
}

#[tokio::test]
async fn a_new_certificate_serves_the_next_handshake() {
    let fixture = Fixture::new();
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let client = ClientTls::load(fixture.client.clone()).unwrap();
    assert!(!server.reload().unwrap());

    let renewed = Authority::new();
    let identity = renewed.issue(fixture.directory.path(), "broker.test");
    assert_eq!(identity, fixture.server.identity);
    assert!(server.reload().unwrap());
    assert!(!handshake(&server, &client, "broker.test").await);

    renewed.write(&fixture.path("ca.crt"));
    assert!(client.reload().unwrap());
    assert!(handshake(&server, &client, "broker.test").await);
}

#[tokio::test]
async fn a_bad_file_leaves_the_old_certificate() {
    let fixture = Fixture::new();
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let client = ClientTls::load(fixture.client.clone()).unwrap();
    std::fs::write(&fixture.server.identity.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(matches!(server.reload(), Err(Error::Identity { .. })));
    std::fs::write(&fixture.server.identity.key, "nothing").unwrap();
    assert!(matches!(server.reload(), Err(Error::Missing { what: "private key", .. })));
    std::fs::remove_file(&fixture.server.identity.certificate).unwrap();
    assert!(matches!(server.reload(), Err(Error::Read { .. })));
    assert!(handshake(&server, &client, "broker.test").await);
}

#[tokio::test]
async fn trusts_every_certificate_of_a_directory_as_files_come_and_go() {
    let fixture = Fixture::new();
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let directory = fixture.path("trusted");
    std::fs::create_dir(&directory).unwrap();
    let files = ClientFiles { trusted: Trusted::Directory(directory.clone()), identity: None };
    assert!(matches!(ClientTls::load(files.clone()), Err(Error::Missing { what: "file *.crt", .. })));
    for name in ["ca.p12", ".hidden.crt"] {
        std::fs::write(directory.join(name), "no certificate").unwrap();
    }
    Authority::new().write(&directory.join("ca.crt"));
    let client = ClientTls::load(files).unwrap();
    assert!(!handshake(&server, &client, "broker.test").await);

    fixture.authority.write(&directory.join("ca-next.crt"));
    assert!(client.reload().unwrap());
    assert!(!client.reload().unwrap());
    assert!(handshake(&server, &client, "broker.test").await);

    std::fs::write(directory.join("broken.crt"), "no certificate").unwrap();
    assert!(matches!(client.reload(), Err(Error::Missing { what: "certificate", .. })));
    assert!(handshake(&server, &client, "broker.test").await);
    std::fs::remove_file(directory.join("broken.crt")).unwrap();
    std::fs::remove_file(directory.join("ca-next.crt")).unwrap();
    assert!(client.reload().unwrap());
    assert!(!handshake(&server, &client, "broker.test").await);
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(matches!(client.reload(), Err(Error::List { .. })));
}

#[tokio::test]
async fn clients_of_an_authority_count_while_it_is_in_the_directory() {
    let mut fixture = Fixture::new();
    let directory = fixture.path("clients");
    std::fs::create_dir(&directory).unwrap();
    fixture.server.clients = Some(of(Trusted::Directory(directory.clone())));
    assert!(matches!(
        ServerTls::load(fixture.server.clone()),
        Err(Error::Missing { what: "file *.crt", .. })
    ));

    let identity = fixture.authority.issue(fixture.directory.path(), "client.test");
    let known = ClientTls::load(ClientFiles { identity: Some(identity), ..fixture.client.clone() }).unwrap();
    let anonymous = ClientTls::load(fixture.client.clone()).unwrap();
    fixture.authority.write(&directory.join("ca.crt"));
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    assert!(handshake(&server, &known, "broker.test").await);

    // As Strimzi replaces an authority: the old one stays under another name, and goes later.
    std::fs::rename(directory.join("ca.crt"), directory.join("ca-2026-08-20T10-00-00Z.crt")).unwrap();
    Authority::new().write(&directory.join("ca.crt"));
    assert!(server.reload().unwrap());
    assert!(handshake(&server, &known, "broker.test").await);
    assert!(!handshake(&server, &anonymous, "broker.test").await);
    std::fs::remove_file(directory.join("ca-2026-08-20T10-00-00Z.crt")).unwrap();
    assert!(server.reload().unwrap());
    assert!(!handshake(&server, &known, "broker.test").await);

    // Without any authority nobody new gets in under none: the last one that was there counts on.
    std::fs::remove_file(directory.join("ca.crt")).unwrap();
    assert!(matches!(server.reload(), Err(Error::Missing { what: "file *.crt", .. })));
    assert!(!handshake(&server, &anonymous, "broker.test").await);
}

#[test]
fn an_empty_bundle_trusts_nobody() {
    assert!(matches!(
        ClientTls::load(ClientFiles { trusted: Trusted::Files(Vec::new()), identity: None }),
        Err(Error::NoAnchors)
    ));
}
