//! Whether the certificate that a user brought (`brokerCertChainAndKey`) is for the names by which proxies reach brokers.
//!
//! Strimzi's own certificates have all of them. For others its documentation asks for the names of pods, but nobody checks that,
//! and clients that only ever follow advertised names do not notice.

use std::collections::BTreeMap;

use proxy_config::{BrokerId, HostPort};
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;

use super::choice::Listener;
use super::kafka::Kafka;

/// Why proxies would refuse brokers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the certificate of listener {listener} of Kafka {kafka} (brokerCertChainAndKey) is not for the names by which proxies \
     reach brokers, such as {example}: have it issued for {wildcard} too, or set listenerName of the EncryptionProxy to a \
     listener without a certificate of its own"
)]
pub struct CertificateProblem {
    kafka: String,
    listener: String,
    example: String,
    wildcard: String,
}

/// Looks at the certificate that Strimzi reports. One that is for some of the brokers is not refused, as it serves these; nor
/// is what cannot be read, since that says nothing.
pub fn broker_certificate(
    kafka: &Kafka,
    listener: &Listener,
    brokers: &BTreeMap<BrokerId, HostPort>,
) -> Result<(), CertificateProblem> {
    let Some(first) = brokers.values().next().filter(|_| listener.tls && listener.custom_certificate) else {
        return Ok(());
    };
    let reported =
        kafka.listener_status.get(&listener.name).into_iter().flat_map(|status| &status.certificates);
    let names: Option<Vec<Vec<String>>> = reported.map(|pem| names(pem)).collect();
    let Some(names) = names.filter(|names| !names.is_empty()) else { return Ok(()) };
    let is_known = |host: &str| names.iter().flatten().any(|name| matches(name, host));
    if brokers.values().any(|address| is_known(&address.host().to_string())) {
        return Ok(());
    }
    let example = first.host().to_string();
    let wildcard = example.split_once('.').map_or_else(|| example.clone(), |(_, rest)| format!("*.{rest}"));
    Err(CertificateProblem { kafka: kafka.name.clone(), listener: listener.name.clone(), example, wildcard })
}

/// The DNS names of all certificates of a chain; nothing if one cannot be read.
fn names(pem: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let block = block.ok()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(&block.contents).ok()?;
        let alternatives = certificate.subject_alternative_name().ok()?;
        let general = alternatives.iter().flat_map(|names| &names.value.general_names);
        names.extend(general.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        }));
    }
    Some(names)
}

/// As TLS has it: a `*` stands for the first label, and for one alone.
fn matches(name: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    match name.strip_prefix("*.") {
        Some(rest) => host.split_once('.').is_some_and(|(_, of_host)| of_host == rest),
        None => name == host,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::address::broker_addresses;
    use super::super::fixtures::{kafka, listener, pools};
    use super::super::node_pool::brokers;
    use super::*;

    fn issued_for(names: &[&str]) -> String {
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        rcgen::generate_simple_self_signed(names).unwrap().cert.pem()
    }

    fn judged(name: &str, certificates: &[String]) -> Result<(), CertificateProblem> {
        let pair = json!({"secretName": "mine", "certificate": "tls.crt", "key": "tls.key"});
        let kafka = kafka(&[
            ("/spec/kafka/listeners/1/configuration", json!({"brokerCertChainAndKey": pair})),
            ("/status/listeners/1/certificates", json!(certificates)),
        ]);
        let listener = listener(&kafka, name);
        let brokers = brokers(&kafka, &pools(&[])).unwrap();
        let addresses = broker_addresses(&kafka, &listener, &brokers, "cluster.local").unwrap();
        broker_certificate(&kafka, &listener, &addresses)
    }

    #[test]
    fn a_certificate_for_pods_by_name_or_by_wildcard_will_do() {
        for name in [
            "*.my-cluster-kafka-brokers.kafka.svc",
            "my-cluster-brokers-12.my-cluster-kafka-brokers.kafka.svc",
            "MY-CLUSTER-brokers-0.my-cluster-kafka-brokers.kafka.svc",
        ] {
            assert_eq!(judged("tls", &[issued_for(&["kafka.example.com", name])]), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_certificate_for_other_names_only_is_said_to_be_so() {
        for name in ["kafka.example.com", "*.kafka.svc", "*.brokers.kafka.svc"] {
            let problem = judged("tls", &[issued_for(&[name])]).unwrap_err().to_string();
            assert!(
                problem.contains("have it issued for *.my-cluster-kafka-brokers.kafka.svc too"),
                "{problem}"
            );
            assert!(problem.contains("my-cluster-brokers-0.my-cluster-kafka-brokers.kafka.svc"), "{problem}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_cannot_be_read_or_is_strimzis_own() {
        let broken = "-----BEGIN CERTIFICATE-----\nb3Vycw==\n-----END CERTIFICATE-----".to_owned();
        assert_eq!(judged("tls", &[broken]), Ok(()));
        assert_eq!(judged("tls", &[]), Ok(()));
        assert_eq!(judged("clusterip", &[issued_for(&["kafka.example.com"])]), Ok(()));
    }
}
