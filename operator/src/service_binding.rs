//! The Secret `K-encryption-client`: how clients reach the proxies, in the form of the service binding specification and with
//! the entries that Strimzi's access operator writes for brokers, so that an application need not know which of them it uses.
//!
//! It holds no credentials. A client's own come from its `KafkaUser`.

use std::collections::BTreeMap;

/// The type of the Secret.
pub const SECRET_TYPE: &str = "servicebinding.io/kafka";

/// How clients reach the proxies.
#[derive(Debug, Clone, Copy)]
pub struct ServiceBinding<'a> {
    /// `host:port`, or several with commas between them.
    pub bootstrap_servers: &'a str,
    /// Whether they connect with TLS.
    pub tls: Option<Trust<'a>>,
    /// Whether they authenticate with SASL.
    pub sasl: Option<Mechanism<'a>>,
}

/// Whom clients trust.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// Authorities in PEM.
    Bundle(&'a str),
    /// Authorities that the operator does not know, such as those of the system.
    Unknown,
}

/// How clients authenticate.
#[derive(Debug, Clone, Copy)]
pub enum Mechanism<'a> {
    /// As Kafka names it.
    Named(&'a str),
    /// The listener is configured in a way that does not tell.
    Unknown,
}

impl ServiceBinding<'_> {
    /// The entries. Some are there twice, as different frameworks spell them.
    pub fn entries(&self) -> BTreeMap<&'static str, String> {
        let mut entries = BTreeMap::new();
        let mut put = |names: &[&'static str], text: &str| {
            entries.extend(names.iter().map(|name| (*name, text.to_owned())));
        };
        put(&["type"], "kafka");
        put(&["provider"], "strimzi");
        put(&["bootstrap.servers", "bootstrapServers", "bootstrap-servers"], self.bootstrap_servers);
        put(&["security.protocol", "securityProtocol"], self.protocol());
        if let Some(Mechanism::Named(mechanism)) = self.sasl {
            put(&["sasl.mechanism", "saslMechanism"], mechanism);
        }
        if let Some(Trust::Bundle(bundle)) = self.tls {
            put(&["ssl.truststore.crt"], bundle);
        }
        entries
    }

    fn protocol(&self) -> &'static str {
        match (self.tls, self.sasl) {
            (None, None) => "PLAINTEXT",
            (None, Some(_)) => "SASL_PLAINTEXT",
            (Some(_), None) => "SSL",
            (Some(_), Some(_)) => "SASL_SSL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: ServiceBinding<'_> = ServiceBinding { bootstrap_servers: "k:9092", tls: None, sasl: None };

    #[test]
    fn tls_and_sasl_bring_trust_and_mechanism() {
        let binding = ServiceBinding {
            tls: Some(Trust::Bundle("PEM")),
            sasl: Some(Mechanism::Named("SCRAM-SHA-512")),
            ..PLAIN
        };
        let expected = [
            ("bootstrap-servers", "k:9092"),
            ("bootstrap.servers", "k:9092"),
            ("bootstrapServers", "k:9092"),
            ("provider", "strimzi"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("saslMechanism", "SCRAM-SHA-512"),
            ("security.protocol", "SASL_SSL"),
            ("securityProtocol", "SASL_SSL"),
            ("ssl.truststore.crt", "PEM"),
            ("type", "kafka"),
        ];
        assert_eq!(binding.entries(), expected.map(|(name, text)| (name, text.to_owned())).into());
    }

    #[test]
    fn what_is_not_known_is_left_out_and_still_tells_the_protocol() {
        for (tls, sasl, protocol) in [
            (None, None, "PLAINTEXT"),
            (None, Some(Mechanism::Unknown), "SASL_PLAINTEXT"),
            (Some(Trust::Unknown), None, "SSL"),
            (Some(Trust::Unknown), Some(Mechanism::Unknown), "SASL_SSL"),
        ] {
            let entries = ServiceBinding { tls, sasl, ..PLAIN }.entries();
            assert_eq!(entries["security.protocol"], protocol);
            assert!(!entries.contains_key("ssl.truststore.crt") && !entries.contains_key("sasl.mechanism"));
        }
    }
}
