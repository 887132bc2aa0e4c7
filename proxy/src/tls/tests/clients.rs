//! Whose certificates a listener takes, and in which versions of TLS.

use super::*;
use proxy_config::{CipherSuite, Principal};
use proxy_crypto::testing::{Heard, Line};
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber, date_time_ymd};
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::rustls::{AlertDescription, ClientConfig, ProtocolVersion, RootCertStore};
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

/// A client with this serial number and these parts of a subject, the first one first.
fn client(fixture: &Fixture, serial: u64, subject: &[(DnType, &str)]) -> ClientTls {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.serial_number = Some(SerialNumber::from(serial));
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in subject {
        params.distinguished_name.push(kind.clone(), *value);
    }
    let identity = fixture.authority.issue_as(fixture.directory.path(), &format!("client-{serial}"), &params);
    ClientTls::load(ClientFiles { identity: Some(identity), ..fixture.client.clone() }).unwrap()
}

fn named(fixture: &Fixture, serial: u64) -> ClientTls {
    client(fixture, serial, &[(DnType::CommonName, "payments")])
}

fn clients(fixture: &Fixture) -> Clients {
    of(Trusted::Files(vec![fixture.path("ca.crt")]))
}

/// The authority's list of what it has revoked, good until this year.
fn revoke(fixture: &Fixture, serials: &[u64], until: i32) {
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2024, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2024, 1, 1),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = params.signed_by(&fixture.authority.0).unwrap();
    std::fs::write(fixture.path("revoked.crl"), list.pem().unwrap()).unwrap();
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_from_the_next_handshake_on() {
    let mut fixture = Fixture::new();
    revoke(&fixture, &[7], 2999);
    let revoked = Some(fixture.path("revoked.crl"));
    fixture.server.clients = Some(Clients { revoked, ..clients(&fixture) });
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let [seven, eight] = [named(&fixture, 7), named(&fixture, 8)];
    assert!(!handshake(&server, &seven, "broker.test").await);
    assert!(handshake(&server, &eight, "broker.test").await);

    revoke(&fixture, &[7, 8], 2999);
    assert!(server.reload().unwrap());
    assert!(!handshake(&server, &eight, "broker.test").await);

    std::fs::write(fixture.path("revoked.crl"), "nothing").unwrap();
    assert!(matches!(server.reload(), Err(Error::Missing { what: "revocation list", .. })));
    assert!(!handshake(&server, &eight, "broker.test").await, "the last good list counts on");
}

#[tokio::test]
async fn a_list_of_revoked_certificates_that_is_out_of_date_or_of_another_authority_lets_nobody_in() {
    let mut fixture = Fixture::new();
    let revoked = Some(fixture.path("revoked.crl"));
    fixture.server.clients = Some(Clients { revoked, ..clients(&fixture) });
    revoke(&fixture, &[7], 2025);
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    assert!(!handshake(&server, &named(&fixture, 8), "broker.test").await);

    let own = std::mem::replace(&mut fixture.authority, Authority::new());
    revoke(&fixture, &[7], 2999);
    fixture.authority = own;
    assert!(server.reload().unwrap());
    assert!(!handshake(&server, &named(&fixture, 8), "broker.test").await);
}

#[tokio::test]
async fn only_subjects_of_the_list_are_taken_as_brokers_would_name_them() {
    let mut fixture = Fixture::new();
    let names = ["CN=payments", "CN=audit\\, internal,OU=Risk,O=Example"];
    let principals = Some(names.map(|name| Principal::new(name).unwrap()).to_vec());
    fixture.server.clients = Some(Clients { principals, ..clients(&fixture) });
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let common = |name| (DnType::CommonName, name);
    let (organization, unit) =
        ((DnType::OrganizationName, "Example"), (DnType::OrganizationalUnitName, "Risk"));
    let cases = [
        (vec![common("payments")], true),
        (vec![common("Payments")], false),
        (vec![organization.clone(), common("payments")], false),
        (vec![organization.clone(), unit.clone(), common("audit, internal")], true),
        (vec![common("audit, internal"), unit, organization], false),
        (vec![common("payments,O=Example")], false),
        (Vec::new(), false),
    ];
    for (serial, (subject, taken)) in (1..).zip(cases) {
        let client = client(&fixture, serial, &subject);
        assert_eq!(handshake(&server, &client, "broker.test").await, taken, "{subject:?}");
    }
    let anonymous = ClientTls::load(fixture.client.clone()).unwrap();
    assert!(!handshake(&server, &anonymous, "broker.test").await);
}

#[tokio::test]
async fn who_has_a_good_certificate_and_is_not_on_the_list_is_in_the_audit_log() {
    let mut fixture = Fixture::new();
    let principals = Some(vec![Principal::new("CN=payments").unwrap()]);
    fixture.server.clients = Some(Clients { principals, ..clients(&fixture) });
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let stranger = Authority::new().issue(fixture.directory.path(), "payments");
    let stranger =
        ClientTls::load(ClientFiles { identity: Some(stranger), ..fixture.client.clone() }).unwrap();
    let [one, other] = ["one", "other"].map(|name| client(&fixture, 1, &[(DnType::CommonName, name)]));
    let heard = Heard::on_this_thread();
    for (client, taken) in
        [(&one, false), (&one, false), (&other, false), (&named(&fixture, 2), true), (&stranger, false)]
    {
        assert_eq!(handshake(&server, client, "broker.test").await, taken);
    }
    let told = || {
        let line = |line: Line| (line["subject"].clone(), line["connections"].clone());
        heard.of("clientRefused").into_iter().map(line).collect::<Vec<_>>()
    };
    let [one, other] = ["CN=one", "CN=other"].map(|subject| (subject.to_owned(), "1".to_owned()));
    assert_eq!(told(), [one.clone(), other.clone()], "each once within a minute");
    server.refused().end();
    assert_eq!(told(), [one.clone(), other, one], "and the rest at the end");
}

#[tokio::test]
async fn an_optional_certificate_must_be_good_where_it_is_shown() {
    let mut fixture = Fixture::new();
    fixture.server.clients = Some(Clients { required: ClientCertificates::Optional, ..clients(&fixture) });
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let anonymous = ClientTls::load(fixture.client.clone()).unwrap();
    assert!(handshake(&server, &anonymous, "broker.test").await);
    assert!(handshake(&server, &named(&fixture, 1), "broker.test").await);

    let stranger = Authority::new().issue(fixture.directory.path(), "stranger");
    let stranger = ClientFiles { identity: Some(stranger), ..fixture.client.clone() };
    assert!(!handshake(&server, &ClientTls::load(stranger).unwrap(), "broker.test").await);
}

/// What a client that speaks these versions and asks for these protocols agrees on with the listener.
async fn agreed(
    fixture: &Fixture,
    versions: &[&'static rustls::SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> Option<(ProtocolVersion, String)> {
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(fixture.authority.0.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions).unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("broker.test").unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(server.config());
    let (accepted, connected) = tokio::join!(acceptor.accept(far), connector.connect(name, near));
    let (accepted, _) = (accepted.ok()?, connected.ok()?);
    let session = accepted.get_ref().1;
    assert!(session.alpn_protocol().is_none());
    let suite = session.negotiated_cipher_suite()?.suite().as_str()?.to_owned();
    Some((session.protocol_version()?, suite))
}

/// Conformance: TE-23.
#[tokio::test]
async fn versions_and_cipher_suites_are_those_of_the_configuration() {
    let (old, new) = (&rustls::version::TLS12, &rustls::version::TLS13);
    let mut fixture = Fixture::new();
    let version = |agreed: Option<(ProtocolVersion, String)>| agreed.map(|(version, _)| version);
    assert_eq!(version(agreed(&fixture, &[old], &[]).await), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(version(agreed(&fixture, &[old, new], &[]).await), Some(ProtocolVersion::TLSv1_3));

    fixture.server.cipher_suites = Some(vec![CipherSuite::ChaCha20Poly1305, CipherSuite::EcdsaAes256Gcm]);
    let suites = [agreed(&fixture, &[new], &[]).await, agreed(&fixture, &[old], &[]).await];
    let suites = suites.map(|agreed| agreed.map(|(_, suite)| suite).unwrap());
    assert_eq!(suites, ["TLS13_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]);

    fixture.server.min_version = TlsVersion::Tls13;
    assert!(agreed(&fixture, &[old], &[]).await.is_none());
    assert!(agreed(&fixture, &[old, new], &[]).await.is_some());
}

/// Some clients' TLS libraries offer one; Kafka has none.
#[tokio::test]
async fn an_application_protocol_that_a_client_offers_changes_nothing() {
    let fixture = Fixture::new();
    let protocols: [&[u8]; 2] = [b"kafka", b"h2"];
    assert!(agreed(&fixture, &[&rustls::version::TLS13], &protocols).await.is_some());
}

/// A session that is resumed would not be verified again.
#[tokio::test]
async fn sessions_of_clients_with_certificates_are_not_resumed() {
    for clients in [true, false] {
        let mut fixture = Fixture::new();
        if clients {
            fixture.server.clients = Some(self::clients(&fixture));
        }
        let server = ServerTls::load(fixture.server.clone()).unwrap();
        let client = named(&fixture, 1);
        let mut resumed = false;
        for _ in 0..3 {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let (acceptor, connector) =
                (tokio_rustls::TlsAcceptor::from(server.config()), client.connector());
            let name = ServerName::try_from("broker.test").unwrap();
            let (accepted, connected) = tokio::join!(acceptor.accept(far), connector.connect(name, near));
            let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
            resumed |= accepted.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
            // With the answer come the tickets.
            tokio::io::AsyncWriteExt::write_all(&mut accepted, b"x").await.unwrap();
            tokio::io::AsyncWriteExt::flush(&mut accepted).await.unwrap();
            tokio::io::AsyncReadExt::read_u8(&mut connected).await.unwrap();
        }
        assert_eq!(resumed, !clients);
    }
}

/// The alert by which a client learns that a listener does not take it.
async fn alert(fixture: &Fixture, connector: TlsConnector) -> AlertDescription {
    use tokio::io::AsyncReadExt;
    let server = ServerTls::load(fixture.server.clone()).unwrap();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let accept = async {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), far).await?;
        hello.into_stream(server.config()).await.map(drop)
    };
    let connect = async {
        let name = ServerName::try_from("broker.test").unwrap();
        connector.connect(name, near).await?.read_u8().await
    };
    let (accepted, connected) = tokio::join!(accept, connect);
    accepted.unwrap_err();
    let error = connected.unwrap_err();
    match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => *alert,
        _ => panic!("no alert: {error:?}"),
    }
}

/// As the page on clients says.
#[tokio::test]
async fn each_refusal_has_its_alert() {
    let mut fixture = Fixture::new();
    let anonymous = ClientTls::load(fixture.client.clone()).unwrap();
    let of = |authority: &Authority, name| {
        let identity = Some(authority.issue(fixture.directory.path(), name));
        ClientTls::load(ClientFiles { identity, ..fixture.client.clone() }).unwrap()
    };
    let stranger = of(&Authority::called("another"), "stranger");
    let namesake = of(&Authority::new(), "namesake");
    let [seven, eight] = [named(&fixture, 7), named(&fixture, 8)];

    let principals = Some(vec![Principal::new("CN=audit").unwrap()]);
    fixture.server.clients = Some(Clients { principals, ..clients(&fixture) });
    assert_eq!(alert(&fixture, anonymous.connector()).await, AlertDescription::CertificateRequired);
    assert_eq!(alert(&fixture, stranger.connector()).await, AlertDescription::UnknownCA);
    assert_eq!(alert(&fixture, namesake.connector()).await, AlertDescription::DecryptError);
    assert_eq!(alert(&fixture, seven.connector()).await, AlertDescription::AccessDenied);

    let revoked = Some(fixture.path("revoked.crl"));
    fixture.server.clients = Some(Clients { revoked, ..clients(&fixture) });
    revoke(&fixture, &[7], 2999);
    assert_eq!(alert(&fixture, seven.connector()).await, AlertDescription::CertificateRevoked);
    revoke(&fixture, &[], 2025);
    assert_eq!(alert(&fixture, eight.connector()).await, AlertDescription::UnknownCA, "out of date");
    let own = std::mem::replace(&mut fixture.authority, Authority::called("another"));
    revoke(&fixture, &[], 2999);
    fixture.authority = own;
    assert_eq!(alert(&fixture, eight.connector()).await, AlertDescription::UnknownCA, "no list");
}

/// As the page on clients says.
#[tokio::test]
async fn other_versions_and_cipher_suites_have_their_alerts() {
    let (old, new) = (&rustls::version::TLS12, &rustls::version::TLS13);
    let mut fixture = Fixture::new();
    // The last of the provider's own suites that a version has.
    let connector = |version: &'static rustls::SupportedProtocolVersion| {
        let mut roots = RootCertStore::empty();
        roots.add(fixture.authority.0.der().clone()).unwrap();
        let mut own = CryptoProvider::clone(&provider());
        own.cipher_suites.retain(|suite| suite.version() == version);
        own.cipher_suites.drain(..own.cipher_suites.len() - 1);
        let config = ClientConfig::builder_with_provider(Arc::new(own)).with_protocol_versions(&[version]);
        TlsConnector::from(Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth()))
    };
    let [older, newer] = [connector(old), connector(new)];
    fixture.server.cipher_suites = Some(vec![CipherSuite::Aes256Gcm, CipherSuite::EcdsaAes256Gcm]);
    for client in [&older, &newer] {
        assert_eq!(alert(&fixture, client.clone()).await, AlertDescription::HandshakeFailure);
    }
    fixture.server.min_version = TlsVersion::Tls13;
    assert_eq!(alert(&fixture, older).await, AlertDescription::ProtocolVersion);
}
