//! `matrix.md`: which client works with which broker.

use std::fmt::Write as _;
use std::path::PathBuf;

use tests::{BrokerVersion, Client, Codec};

use crate::cell::FORMATS;

const HEAD: &str = "\
# Clients and brokers

Written by `make test-matrix`, checked by `make test`. In each cell a client produces with each of its codecs, consumes, shares a
topic with a second member of its group and goes on where both have been, commits and aborts transactions, and makes, describes and
deletes a topic: through the proxy, with encryption in the formats that the cell names. What it writes Kafka's own client reads too,
and the other way round; on the brokers' disks nothing of it is legible. `make test` itself runs each client on one of the brokers.

";

pub(crate) fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/matrix.md"))
}

/// The page, given what is said of each cell.
pub(crate) fn render(cell: impl Fn(Client, BrokerVersion) -> String) -> String {
    let mut page = HEAD.to_owned();
    let versions = BrokerVersion::all();
    let heads = versions.iter().fold(String::new(), |heads, version| heads + &format!(" Kafka {version} |"));
    writeln!(page, "| |{heads}\n|---|{}", "---|".repeat(versions.len())).unwrap();
    for client in Client::MATRIX {
        let cells = versions
            .iter()
            .fold(String::new(), |cells, version| cells + &format!(" {} |", cell(client, *version)));
        writeln!(page, "| {client} |{cells}").unwrap();
    }
    page += "\n| | library | codecs | not tried, since the library does not have it |\n|---|---|---|---|\n";
    for client in Client::MATRIX {
        let codecs: Vec<&str> = client.codecs().iter().map(|codec| codec.name()).collect();
        writeln!(page, "| {client} | {} | {} | {} |", library(client), codecs.join(", "), missing(client))
            .unwrap();
    }
    page
}

/// What a cell says where all is well.
pub(crate) fn passed() -> String {
    FORMATS.join(", ")
}

fn missing(client: Client) -> String {
    let mut missing = Vec::new();
    if client.codecs().len() < Codec::ALL.len() {
        missing.push("codecs that need native add-ons");
    }
    if !client.has_null_headers() {
        missing.push("headers whose value is null");
    }
    if !client.has_empty_records() {
        missing.push("records with neither key nor value");
    }
    missing.join("; ")
}

/// Its library and the version, from the file that pins it.
fn library(client: Client) -> String {
    let python = include_str!("../../clients/python/requirements.txt");
    let rust = include_str!("../../clients/rust/Cargo.lock");
    let after = |text: &'static str, mark: &str, end: &str| -> &'static str {
        let found = text.split_once(mark).and_then(|(_, rest)| rest.split_once(end));
        found.unwrap_or_else(|| panic!("{mark} is not in its file")).0
    };
    match client {
        Client::Java => {
            format!(
                "kafka-clients {}",
                after(include_str!("../../rig/kafka-dist/pom.xml"), "<kafka.version>", "<")
            )
        }
        Client::JavaVersion(version) => format!("kafka-clients {version}"),
        Client::Librdkafka => "the system's librdkafka, on Debian 12 2.0.2".to_owned(),
        Client::Python => {
            format!("confluent-kafka {}, with its own librdkafka", after(python, "confluent-kafka==", "\n"))
        }
        Client::Rust => {
            let carried = after(rust, "name = \"rdkafka-sys\"\nversion = \"", "\"");
            format!(
                "rdkafka {}, rdkafka-sys {carried}",
                after(rust, "name = \"rdkafka\"\nversion = \"", "\"")
            )
        }
        Client::Go => {
            format!("franz-go {}", after(include_str!("../../clients/go/go.mod"), "twmb/franz-go v", "\n"))
        }
        Client::Sarama => {
            format!("Sarama {}", after(include_str!("../../clients/sarama/go.mod"), "IBM/sarama v", "\n"))
        }
        Client::KafkaPython => format!("kafka-python {}", after(python, "kafka-python==", "\n")),
        Client::Aiokafka => format!("aiokafka {}", after(python, "aiokafka==", "\n")),
        Client::KafkaJs => {
            format!(
                "KafkaJS {}",
                after(include_str!("../../clients/kafkajs/package.json"), "\"kafkajs\": \"", "\"")
            )
        }
    }
}
