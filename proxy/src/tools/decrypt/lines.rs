//! A record as a JSON object.

use super::super::opening::PlainRecord;
use crate::client::Place;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Bytes that are text stand as text, others in base64 under another name, so that every record can be made again of its line.
pub(super) fn line(place: &Place, record: &PlainRecord<'_>, always_base64: bool) -> Value {
    let mut line = Map::new();
    line.insert("topic".to_owned(), json!(place.topic));
    line.insert("partition".to_owned(), json!(place.partition));
    line.insert("offset".to_owned(), json!(record.offset));
    line.insert("timestamp".to_owned(), json!(record.timestamp));
    line.insert(
        "timestampType".to_owned(),
        json!(if record.log_append_time { "LogAppendTime" } else { "CreateTime" }),
    );
    line.insert("sealed".to_owned(), json!(record.sealed));
    put(&mut line, "key", record.key, always_base64);
    put(&mut line, "value", record.value, always_base64);
    // The records were read once already, so the headers are whole.
    let headers = record.headers.iter().map_while(Result::ok).map(|(name, value)| {
        let mut header = Map::new();
        put(&mut header, "name", Some(name), false);
        put(&mut header, "value", value, always_base64);
        Value::Object(header)
    });
    line.insert("headers".to_owned(), headers.collect());
    Value::Object(line)
}

fn put(object: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>, always_base64: bool) {
    let Some(bytes) = bytes else {
        object.insert(name.to_owned(), Value::Null);
        return;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if !always_base64 => object.insert(name.to_owned(), json!(text)),
        _ => object.insert(format!("{name}Base64"), json!(STANDARD.encode(bytes))),
    };
}
