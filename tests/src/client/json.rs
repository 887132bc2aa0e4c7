//! The clients' JSON: bytes are base64 or null, headers are pairs of name and bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::kafka_error::KafkaErrorName;
use crate::record::{Header, ReceivedRecord, SentRecord};

pub(crate) fn from_bytes(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |bytes| STANDARD.encode(bytes).into())
}

pub(crate) fn to_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        value => {
            Some(STANDARD.decode(value.as_str().expect("bytes are a string")).expect("bytes are base64"))
        }
    }
}

pub(super) fn from_record(record: &SentRecord) -> Value {
    let headers: Vec<Value> =
        record.headers.iter().map(|(name, value)| json!([name, from_bytes(value.as_deref())])).collect();
    let mut object = json!({
        "key": from_bytes(record.key.as_deref()),
        "value": from_bytes(record.value.as_deref()),
        "headers": headers,
    });
    if let Some(partition) = record.partition {
        object["partition"] = partition.into();
    }
    if let Some(timestamp) = record.timestamp {
        object["timestamp"] = timestamp.into();
    }
    object
}

pub(super) fn to_record(line: &Value, topic: &str) -> ReceivedRecord {
    ReceivedRecord {
        topic: topic.to_owned(),
        partition: i32::try_from(number(line, "partition")).expect("partitions are few"),
        offset: number(line, "offset"),
        timestamp: number(line, "timestamp"),
        key: to_bytes(&line["key"]),
        value: to_bytes(&line["value"]),
        headers: to_headers(&line["headers"]),
        deliveries: line["deliveryCount"].as_i64(),
        largest_poll: line["largestPoll"].as_i64(),
    }
}

pub(crate) fn to_headers(value: &Value) -> Vec<Header> {
    let header =
        |pair: &Value| (pair[0].as_str().expect("a header has a name").to_owned(), to_bytes(&pair[1]));
    value.as_array().map(|pairs| pairs.iter().map(header).collect()).unwrap_or_default()
}

pub(super) fn error(line: &Value) -> Option<KafkaErrorName> {
    line.get("error").and_then(Value::as_str).map(KafkaErrorName::new)
}

pub(crate) fn number(line: &Value, field: &str) -> i64 {
    line[field].as_i64().unwrap_or_else(|| panic!("{field} is no number in {line}"))
}
