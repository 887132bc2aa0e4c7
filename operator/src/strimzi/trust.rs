//! Whom the proxies trust to be a broker.
//!
//! Never the `ca.crt` in the Secret of a `KafkaUser`: that is the authority of *clients*.

use super::choice::Listener;
use super::kafka::Kafka;

/// What proves that a broker is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Every entry `*.crt` of a Secret. While Strimzi replaces its authority there are two, and `ca.crt` alone
    /// would cut proxies off from brokers that still show the old one.
    Secret {
        /// Its name, in the namespace of the Kafka cluster.
        name: String,
    },
    /// Certificates that Strimzi reports, because the user brought the brokers' certificate.
    Certificates {
        /// In PEM.
        pem: String,
    },
}

/// Why it is not known whom to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustProblem {
    /// The status lacks it. What was trusted before still holds.
    #[error(
        "listener {listener} of Kafka {kafka} has a certificate of its own (brokerCertChainAndKey), which is not in \
         the status of the Kafka resource; wait until Strimzi has reconciled it"
    )]
    NotReported {
        /// The Kafka cluster.
        kafka: String,
        /// The listener.
        listener: String,
    },
}

/// Whom to trust at a listener; nobody in particular at one without TLS.
pub fn trust(kafka: &Kafka, listener: &Listener) -> Result<Option<Trust>, TrustProblem> {
    if !listener.tls {
        return Ok(None);
    }
    if !listener.custom_certificate {
        return Ok(Some(Trust::Secret { name: format!("{}-cluster-ca-cert", kafka.name) }));
    }
    let pem: String = reported(kafka, &listener.name).flat_map(|pem| [pem, "\n"]).collect();
    if pem.is_empty() {
        return Err(TrustProblem::NotReported { kafka: kafka.name.clone(), listener: listener.name.clone() });
    }
    Ok(Some(Trust::Certificates { pem }))
}

/// Whether Strimzi reports certificates of a listener.
pub fn trust_is_reported(kafka: &Kafka, listener: &str) -> bool {
    reported(kafka, listener).next().is_some()
}

fn reported<'a>(kafka: &'a Kafka, listener: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let reported = kafka.listener_status.get(listener).into_iter().flat_map(|status| &status.certificates);
    reported.map(|pem| pem.trim()).filter(|pem| pem.contains("-----BEGIN CERTIFICATE-----"))
}

#[cfg(test)]
mod tests;
