//! The JSON forms: bytes are base64 or null, headers are pairs of name and bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders, Timestamp};
use serde_json::{Value, json};

pub fn decode(value: &Value) -> Option<Vec<u8>> {
    value.as_str().map(|text| STANDARD.decode(text).expect("bytes are base64"))
}

fn encode(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |bytes| STANDARD.encode(bytes).into())
}

pub fn to_headers(pairs: &Value) -> OwnedHeaders {
    let empty = Vec::new();
    pairs.as_array().unwrap_or(&empty).iter().fold(OwnedHeaders::new(), |headers, pair| {
        let value = decode(&pair[1]);
        headers.insert(Header { key: pair[0].as_str().unwrap_or_default(), value: value.as_ref() })
    })
}

pub fn from_kafka(message: &BorrowedMessage<'_>) -> Value {
    let (kind, timestamp) = match message.timestamp() {
        Timestamp::NotAvailable => ("NoTimestampType", -1),
        Timestamp::CreateTime(time) => ("CreateTime", time),
        Timestamp::LogAppendTime(time) => ("LogAppendTime", time),
    };
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let headers: Vec<Value> = headers.map(|header| json!([header.key, encode(header.value)])).collect();
    json!({
        "partition": message.partition(), "offset": message.offset(), "timestamp": timestamp, "timestampType": kind,
        "key": encode(message.key()), "value": encode(message.payload()), "headers": headers,
    })
}
