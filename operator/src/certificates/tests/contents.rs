//! What is in the certificates.

use x509_parser::prelude::*;

use super::*;

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

#[test]
fn the_first_certificates_are_accepted_for_every_name() {
    let world = World::new();
    let (bundle, presented) = (world.bundle.clone().unwrap(), world.presented());
    for host in [HOST, "10.1.2.3"] {
        assert!(accepts(&bundle, &presented, host, world.now));
    }
    assert!(!accepts(&bundle, &presented, "other.kafka.svc", world.now));
    assert!(!accepts(&World::new().bundle.unwrap(), &presented, HOST, world.now));
}

#[test]
fn rustls_takes_the_key_with_the_certificate() {
    let mut world = World::new();
    let data = world.server();
    let chain = vec![CertificateDer::from_pem_slice(&data["tls.crt"].0).unwrap()];
    let key = pki_types::PrivateKeyDer::from_pem_slice(&data["tls.key"].0).unwrap();
    CertifiedKey::from_der(chain, key, &default_provider()).unwrap().keys_match().unwrap();
}

#[test]
fn a_clock_that_is_an_hour_behind_does_no_harm() {
    let world = World::new();
    let bundle = world.bundle.clone().unwrap();
    assert!(accepts(&bundle, &world.presented(), HOST, world.now - SignedDuration::from_mins(59)));
    assert!(!accepts(&bundle, &world.presented(), HOST, world.now - SignedDuration::from_mins(61)));
}

#[test]
fn the_authority_may_sign_servers_and_no_other_authorities() {
    let mut world = World::new();
    let der = der(&text(world.authority(), "ca.crt"));
    let (_, x509) = parse_x509_certificate(&der).unwrap();
    let subject = x509.subject().to_string();
    assert!(subject.contains("CN=k-encryption-ca, O=encryption.strimzi.io"), "{subject}");
    let constraints = x509.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = x509.key_usage().unwrap().unwrap().value;
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
}

#[test]
fn the_server_certificate_is_for_servers_and_names_both_keys() {
    let mut world = World::new();
    let (authority, server) = (der(&text(world.authority(), "ca.crt")), der(&world.presented()));
    let (_, authority) = parse_x509_certificate(&authority).unwrap();
    let (_, server) = parse_x509_certificate(&server).unwrap();
    assert_eq!(server.subject().to_string(), "CN=k-encryption, O=encryption.strimzi.io");
    let usage = server.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_cert_sign());
    let extended = server.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && !extended.client_auth && !extended.any);
    assert!(!server.is_ca());

    let subject_key = |x509: &X509Certificate<'_>| {
        x509.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        })
    };
    let authority_key = server.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
        _ => None,
    });
    assert!(subject_key(&server).is_some());
    assert_eq!(authority_key, subject_key(&authority));
    assert!(authority_key.is_some());
}

#[test]
fn serial_numbers_and_names_of_authorities_differ() {
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let mut world = World::new();
        for der in [der(&text(world.authority(), "ca.crt")), der(&world.presented())] {
            let (_, x509) = parse_x509_certificate(&der).unwrap();
            assert!(seen.insert(x509.raw_serial().to_vec()));
            assert_eq!(x509.raw_serial().len(), 16);
        }
    }
    let (a, b) = (World::new(), World::new());
    let subject = |world: World| {
        let der = der(&text(&world.authority.unwrap(), "ca.crt"));
        parse_x509_certificate(&der).unwrap().1.subject().to_string()
    };
    assert_ne!(subject(a), subject(b));
}

#[test]
fn no_private_key_is_printed_or_published() {
    let mut world = World::empty();
    let plan = world.step();
    let printed = format!("{plan:?}{}", plan.bundle);
    let keys = [text(world.authority(), "ca.key"), text(world.server(), "tls.key")];
    for line in keys.iter().flat_map(|key| key.lines().skip(1)) {
        assert!(!printed.contains(line) || line.starts_with("-----END"));
    }
    assert!(!printed.contains("PRIVATE"));
}
