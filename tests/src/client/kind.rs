//! Which clients there are.

use std::fmt::{self, Display, Formatter};
use std::process::Command;

use super::Codec;
use crate::network;
use crate::rig::Rig;

/// A real client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// Kafka's own Java client, of the brokers' version, in a JVM that is kept for the next command.
    Java,
    /// confluent-kafka for Python, on the librdkafka that it carries.
    Python,
    /// franz-go.
    Go,
    /// A small C program on the system's librdkafka.
    Librdkafka,
    /// Kafka's own Java client of another version.
    JavaVersion(&'static str),
    /// Sarama, for Go.
    Sarama,
    /// kafka-python, which has the protocol in Python.
    KafkaPython,
    /// aiokafka, for Python's asyncio.
    Aiokafka,
    /// `KafkaJS`, for Node.js.
    KafkaJs,
    /// rdkafka for Rust, on the librdkafka that it carries.
    Rust,
}

impl Client {
    /// Those that most tests use.
    pub const ALL: [Self; 4] = [Self::Java, Self::Python, Self::Go, Self::Librdkafka];

    /// Those of the matrix.
    pub const MATRIX: [Self; 12] = [
        Self::JavaVersion("2.8.2"),
        Self::JavaVersion("3.9.2"),
        Self::Java,
        Self::JavaVersion("4.4.0"),
        Self::Librdkafka,
        Self::Python,
        Self::Rust,
        Self::Go,
        Self::Sarama,
        Self::KafkaPython,
        Self::Aiokafka,
        Self::KafkaJs,
    ];

    /// Its name, fit for topic names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Python => "python",
            Self::Go => "go",
            Self::Librdkafka => "librdkafka",
            Self::JavaVersion(_) => "java-version",
            Self::Sarama => "sarama",
            Self::KafkaPython => "kafka-python",
            Self::Aiokafka => "aiokafka",
            Self::KafkaJs => "kafkajs",
            Self::Rust => "rust",
        }
    }

    /// The next in [`Self::ALL`], for tests that read with another client than they wrote with.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Java => Self::Python,
            Self::Python => Self::Go,
            Self::Go => Self::Librdkafka,
            _ => Self::Java,
        }
    }

    /// The codecs that its library has without native code of its own to build.
    pub fn codecs(self) -> &'static [Codec] {
        match self {
            Self::KafkaJs => &[Codec::None, Codec::Gzip, Codec::Snappy],
            _ => &Codec::ALL,
        }
    }

    /// Whether the library passes on a header whose value is null as such.
    pub fn has_null_headers(self) -> bool {
        !matches!(self, Self::KafkaPython | Self::KafkaJs)
    }

    /// Whether the library sends a record that has neither key nor value.
    pub fn has_empty_records(self) -> bool {
        !matches!(self, Self::KafkaPython | Self::Aiokafka)
    }

    /// Whether the library was built with TLS. rdkafka's for Rust wants OpenSSL where it is built, which no other client does.
    pub fn has_tls(self) -> bool {
        self != Self::Rust
    }

    /// The best mechanism with a password that it can do at brokers of the version of most tests.
    pub fn password_mechanism(self) -> &'static str {
        match self {
            // The system's may be older than 2.6.1, which repeats its nonce: brokers from 4.0 on refuse that.
            Self::Librdkafka => "PLAIN",
            _ => "SCRAM-SHA-512",
        }
    }

    pub(super) fn is_java(self) -> bool {
        matches!(self, Self::Java | Self::JavaVersion(_))
    }

    pub(super) fn java_version(self) -> Option<&'static str> {
        if let Self::JavaVersion(version) = self { Some(version) } else { None }
    }

    /// Its program, for one command.
    pub(super) fn program(self, rig: &Rig) -> Command {
        let part = |name| network::command(rig.part(name));
        let script = |interpreter, script| {
            let mut command = part(interpreter);
            command.arg(rig.part(script));
            command
        };
        match self {
            Self::Java => part("JAVA_CLIENT"),
            Self::JavaVersion(version) => {
                let mut command = part("JAVA_CLIENT");
                command.env("CLIENT_VERSION", version);
                command
            }
            Self::Python => script("PYTHON", "PYTHON_CLIENT"),
            Self::KafkaPython => script("PYTHON", "PYTHON_PURE_CLIENT"),
            Self::Aiokafka => script("PYTHON", "PYTHON_ASYNC_CLIENT"),
            Self::KafkaJs => script("NODE", "KAFKAJS_CLIENT"),
            Self::Go => part("GO_CLIENT"),
            Self::Librdkafka => part("LIBRDKAFKA_CLIENT"),
            Self::Sarama => part("SARAMA_CLIENT"),
            Self::Rust => part("RUST_CLIENT"),
        }
    }
}

impl Display for Client {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::JavaVersion(version) => write!(formatter, "java-{version}"),
            _ => formatter.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_has_the_versions_of_the_java_client_that_the_rig_has() {
        let listed = include_str!("../../clients/java-versions/versions");
        let listed: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
        let known: Vec<&str> = Client::MATRIX.into_iter().filter_map(Client::java_version).collect();
        assert_eq!(known, listed);
    }
}
