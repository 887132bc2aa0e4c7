//! Secrets that somebody edited.

use rcgen::{BasicConstraints, CertificateParams, GeneralSubtree, IsCa, KeyPair, NameConstraints};

use super::*;

/// An authority that a person made, of today and the next ten years.
fn own_authority(now: Timestamp, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = std::time::Duration::from_secs(now.as_second().try_into().unwrap());
    (params.not_before, params.not_after) =
        (epoch + now, epoch + now + std::time::Duration::from_hours(87_600));
    change(&mut params);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// The error, after which nothing was written.
fn refusal(mut world: World) -> (String, String) {
    let error = world.try_step(|_| {}).unwrap_err();
    let Error::Entry { entry, .. } = &error else { panic!("{error}") };
    (entry.clone(), error.to_string())
}

#[test]
fn a_damaged_authority_is_never_replaced_and_the_error_says_what_to_do() {
    let good = World::new();
    for entry in ["ca.crt", "ca.key"] {
        for content in
            [&b"garbage"[..], b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
        {
            let mut world = good.clone();
            world.authority().insert(entry.to_owned(), ByteString(content.to_vec()));
            let (named, message) = refusal(world);
            assert_eq!(named, entry);
            assert!(message.contains("restore it, or delete the Secret"), "{message}");
            assert!(!message.contains("garbage"), "{message}");
        }
        let mut world = good.clone();
        world.authority().remove(entry);
        assert_eq!(refusal(world).0, entry);
    }
}

#[test]
fn truncated_pem_is_refused() {
    let good = World::new();
    for entry in ["ca.crt", "ca.key"] {
        let mut world = good.clone();
        let whole = text(world.authority(), entry);
        for end in (1..whole.len() - 1).step_by(7) {
            put(world.authority(), entry, &whole[..end]);
            assert_eq!(refusal(world.clone()).0, entry, "{end}");
        }
    }
}

#[test]
fn damage_to_the_successor_or_an_old_authority_is_named() {
    let mut good = World::new();
    good.step_renewing_authority();
    for entry in ["next-ca.crt", "next-ca.key"] {
        let mut world = good.clone();
        put(world.authority(), entry, "garbage");
        let (named, message) = refusal(world);
        assert_eq!(named, entry);
        assert!(message.contains("delete next-ca.crt and next-ca.key"), "{message}");
    }
    put(good.authority(), "old-ca-x.crt", "garbage");
    assert_eq!(refusal(good).0, "old-ca-x.crt");
}

#[test]
fn a_key_beside_a_certificate_is_refused_before_it_can_be_published() {
    let mut world = World::new();
    let both = text(world.authority(), "ca.crt") + &text(world.authority(), "ca.key");
    put(world.authority(), "ca.crt", both);
    assert_eq!(refusal(world).0, "ca.crt");
}

#[test]
fn the_key_of_another_authority_is_refused() {
    let (mut world, mut other) = (World::new(), World::new());
    put(world.authority(), "ca.key", text(other.authority(), "ca.key"));
    let (entry, message) = refusal(world);
    assert_eq!(entry, "ca.key");
    assert!(message.contains("is not the private key of the certificate"), "{message}");
}

#[test]
fn a_certificate_that_may_not_sign_is_no_authority() {
    let mut world = World::new();
    let (certificate, key) = (world.presented(), text(world.server(), "tls.key"));
    put(world.authority(), "ca.crt", certificate);
    put(world.authority(), "ca.key", key);
    assert_eq!(refusal(world).0, "ca.crt");
}

#[test]
fn an_authority_whose_certificates_clients_would_refuse_is_refused() {
    let mut world = World::new();
    let (certificate, key) = own_authority(world.now, |params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("example.com".to_owned())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    });
    put(world.authority(), "ca.crt", certificate);
    put(world.authority(), "ca.key", key);
    assert_eq!(refusal(world.clone()).0, "ca.crt");
    world.names = names(&["k.example.com", "*.k.example.com"]);
    assert_eq!(server_reason(&world.step()), Some(ServerReason::OtherAuthority));
}

#[test]
fn an_authority_that_a_person_brings_issues_at_once() {
    let mut world = World::new();
    let (certificate, key) = own_authority(world.now, |_| {});
    put(world.authority(), "ca.crt", certificate);
    put(world.authority(), "ca.key", key);
    let plan = world.step();
    assert_eq!(server_reason(&plan), Some(ServerReason::OtherAuthority));
    assert!(plan.authority.is_empty());
    assert!(world.accepted_with(&plan.bundle));
}

#[test]
fn a_successor_that_a_person_brings_waits_for_the_overlap() {
    let mut world = World::new();
    let (certificate, key) = own_authority(world.now, |_| {});
    put(world.authority(), "next-ca.crt", certificate.clone());
    put(world.authority(), "next-ca.key", key);
    let plan = world.step();
    assert!(plan.events.is_empty());
    assert_eq!(plan.bundle.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(world.authority_entries().contains(&"next-ca.published-at"));
    assert_eq!(reasons(&world.step_after(days(1)))[0], "SwitchedAuthority");
    assert_eq!(text(world.authority(), "ca.crt"), certificate);
}

#[test]
fn times_that_cannot_be_right_begin_anew() {
    for time in ["garbage", "2999-01-01T00:00:00Z", ""] {
        let mut world = World::new();
        world.step_renewing_authority();
        put(world.authority(), "next-ca.published-at", time);
        let plan = world.step_after(hours(12));
        assert_eq!(plan.look_again, world.now + days(1), "{time}");
        assert_eq!(reasons(&world.step_after(days(1)))[0], "SwitchedAuthority");
        let entry = world
            .authority_entries()
            .iter()
            .find(|entry| entry.ends_with(".replaced-at"))
            .unwrap()
            .to_string();
        put(world.authority(), &entry, time);
        assert!(world.step_after(hours(12)).events.is_empty());
        assert_eq!(reasons(&world.step_after(days(1))), ["RetiredAuthority"], "{time}");
    }
}

#[test]
fn a_damaged_server_certificate_is_made_anew() {
    let good = World::new();
    let mut other = World::new();
    let foreign = |entry: &str, other: &mut World| text(other.server(), entry);
    let cases = [
        ("tls.crt", "garbage".to_owned(), ServerReason::Unreadable),
        ("tls.key", "garbage".to_owned(), ServerReason::Unreadable),
        ("tls.crt", String::new(), ServerReason::Missing),
        ("tls.key", String::new(), ServerReason::Missing),
        ("tls.key", foreign("tls.key", &mut other), ServerReason::OtherKey),
    ];
    for (entry, content, reason) in cases {
        let mut world = good.clone();
        put(world.server(), entry, content);
        let plan = world.step();
        assert_eq!(server_reason(&plan), Some(reason), "{entry}");
        assert!(plan.authority.is_empty() && world.accepted_with(good.bundle.as_ref().unwrap()));
        assert!(changes_nothing(&world.step()));
    }
    let mut world = good;
    world.server = other.server;
    assert_eq!(server_reason(&world.step()), Some(ServerReason::OtherAuthority));
}

#[test]
fn an_authority_with_an_altered_byte_never_costs_its_key() {
    let mut good = World::new();
    let key = text(good.authority(), "ca.key");
    let der = CertificateDer::from_pem_slice(&good.authority()["ca.crt"].0).unwrap().to_vec();
    for position in 0..der.len() {
        let mut altered = der.clone();
        altered[position] ^= 0x01;
        let mut world = good.clone();
        put(world.authority(), "ca.crt", pem::encode(pem::CERTIFICATE, &altered).as_str());
        // A byte that nobody looks at may pass.
        let _ = world.try_step(|_| {});
        assert_eq!(text(world.authority(), "ca.key"), key, "{position}");
    }
}

#[test]
fn a_server_certificate_with_an_altered_byte_is_made_anew() {
    let good = World::new();
    let der = CertificateDer::from_pem_slice(good.presented().as_bytes()).unwrap().to_vec();
    for position in 0..der.len() {
        let mut altered = der.clone();
        altered[position] ^= 0x01;
        let mut world = good.clone();
        put(world.server(), "tls.crt", pem::encode(pem::CERTIFICATE, &altered).as_str());
        let plan = world.step();
        assert!(server_reason(&plan).is_some(), "{position}");
        assert!(world.accepted_with(&plan.bundle));
    }
}

#[test]
fn entries_of_others_stay() {
    let mut world = World::new();
    put(world.authority(), "note", "do not touch");
    put(world.server(), "ca.crt", "of somebody");
    world.step_renewing_authority();
    world.step_after(days(1));
    world.step_after(days(1));
    assert_eq!(text(world.authority(), "note"), "do not touch");
    assert_eq!(text(world.server(), "ca.crt"), "of somebody");
}

#[test]
fn an_edited_bundle_is_written_anew() {
    let mut world = World::new();
    let bundle = world.bundle.replace("edited".to_owned()).unwrap();
    let plan = world.step();
    assert_eq!(plan.bundle, bundle);
}
