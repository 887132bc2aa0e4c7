//! TLS and SASL in each client's own words.

use std::path::Path;

use super::Client;
use crate::certificates::Identity;

/// What libraries call the same things. Java's has files of its own, and some of librdkafka's names.
struct Names {
    protocol: &'static str,
    authority: &'static str,
    certificate: &'static str,
    key: &'static str,
    mechanism: &'static str,
    user: &'static str,
    password: &'static str,
}

const LIBRDKAFKA: Names = Names {
    protocol: "security.protocol",
    authority: "ssl.ca.location",
    certificate: "ssl.certificate.location",
    key: "ssl.key.location",
    mechanism: "sasl.mechanism",
    user: "sasl.username",
    password: "sasl.password",
};

const KAFKA_PYTHON: Names = Names {
    protocol: "security_protocol",
    authority: "ssl_cafile",
    certificate: "ssl_certfile",
    key: "ssl_keyfile",
    mechanism: "sasl_mechanism",
    user: "sasl_plain_username",
    password: "sasl_plain_password",
};

impl Client {
    /// TLS that trusts this authority, with a certificate of the client's own when there is one.
    pub fn tls(self, authority: &Path, own: Option<&Identity>) -> Vec<(String, String)> {
        let (names, mut properties) = (self.names(), Properties::default());
        properties.set(names.protocol, "SSL");
        self.trust(authority, &mut properties);
        match (self, own) {
            (_, None) => {}
            // It takes a key without a password by value alone.
            (Self::JavaVersion("2.8.2"), Some(own)) => {
                properties.set("ssl.keystore.type", "PEM");
                properties.set_content("ssl.keystore.key", &own.key);
                properties.set_content("ssl.keystore.certificate.chain", &own.certificate);
            }
            (java, Some(own)) if java.is_java() => {
                properties.set("ssl.keystore.type", "PEM");
                properties.set_path("ssl.keystore.location", &own.bundle);
            }
            (_, Some(own)) => {
                properties.set_path(names.certificate, &own.certificate);
                properties.set_path(names.key, &own.key);
            }
        }
        properties.0
    }

    /// OAUTHBEARER with an unsigned token for this user (RFC 7515, appendix A.5), which brokers take where nothing else is configured.
    /// For Java and librdkafka.
    pub fn oauth_bearer(self, user: &str) -> Vec<(String, String)> {
        let mut properties = Properties::default();
        properties.set("security.protocol", "SASL_PLAINTEXT");
        properties.set("sasl.mechanism", "OAUTHBEARER");
        if self == Self::Java {
            let module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
            let line = format!("{module} required unsecuredLoginStringClaim_sub=\"{user}\";");
            properties.set("sasl.jaas.config", &line);
        } else {
            properties.set("enable.sasl.oauthbearer.unsecure.jwt", "true");
            properties.set("sasl.oauthbearer.config", &format!("principal={user}"));
        }
        properties.0
    }

    /// SCRAM with a delegation token (KIP-48) in the place of a user and a password. For Java.
    pub fn delegation_token(id: &str, hmac: &str) -> Vec<(String, String)> {
        let mut properties = Properties(Self::Java.sasl("SCRAM-SHA-256", id, hmac, None));
        for (name, value) in &mut properties.0 {
            if name == "sasl.jaas.config" {
                *value = value.replace(';', " tokenauth=\"true\";");
            }
        }
        properties.0
    }

    /// SASL with this mechanism (`PLAIN`, `SCRAM-SHA-512`), over TLS where there is an authority to trust.
    pub fn sasl(
        self,
        mechanism: &str,
        user: &str,
        password: &str,
        authority: Option<&Path>,
    ) -> Vec<(String, String)> {
        let (names, mut properties) = (self.names(), Properties::default());
        properties.set(names.protocol, if authority.is_some() { "SASL_SSL" } else { "SASL_PLAINTEXT" });
        if let Some(authority) = authority {
            self.trust(authority, &mut properties);
        }
        properties.set(names.mechanism, mechanism);
        if self.is_java() {
            let module =
                if mechanism == "PLAIN" { "plain.PlainLoginModule" } else { "scram.ScramLoginModule" };
            let line = format!(
                "org.apache.kafka.common.security.{module} required username=\"{user}\" password=\"{password}\";"
            );
            properties.set("sasl.jaas.config", &line);
        } else {
            properties.set(names.user, user);
            properties.set(names.password, password);
        }
        properties.0
    }

    fn trust(self, authority: &Path, properties: &mut Properties) {
        if self.is_java() {
            properties.set("ssl.truststore.type", "PEM");
            properties.set_path("ssl.truststore.location", authority);
        } else {
            properties.set_path(self.names().authority, authority);
        }
    }

    fn names(self) -> Names {
        match self {
            Self::KafkaPython | Self::Aiokafka => KAFKA_PYTHON,
            _ => LIBRDKAFKA,
        }
    }
}

#[derive(Default)]
struct Properties(Vec<(String, String)>);

impl Properties {
    fn set(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    fn set_path(&mut self, name: &str, value: &Path) {
        self.set(name, value.to_str().expect("the paths are our own"));
    }

    fn set_content(&mut self, name: &str, file: &Path) {
        self.set(name, &std::fs::read_to_string(file).expect("the files are our own"));
    }
}
