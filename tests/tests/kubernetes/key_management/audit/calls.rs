//! Calls on keys, as the logs have them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use tests::kubernetes::{OpenBao, Stage};

/// What stands before the server's text in an envelope under `binding: AssociatedData`.
const BINDING: &[u8] = b"\x01";

/// A call on a key, as one of the two tells of it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The proxy's address.
    pub(super) proxy: String,
    pub(super) key: String,
    pub(super) operation: &'static str,
    pub(super) outcome: &'static str,
    pub(super) data_key: Option<String>,
    pub(super) version: Option<String>,
    /// When it was answered.
    pub(super) time: SystemTime,
    pub(super) took: Duration,
}

/// By whom a call was, on what and for what.
pub(super) type Subject = (String, String, &'static str, Option<String>);

impl Call {
    pub(super) fn subject(&self) -> Subject {
        (self.proxy.clone(), self.key.clone(), self.operation, self.data_key.clone())
    }
}

/// The proxies' calls.
pub(super) async fn ours(platform: &Stage) -> Vec<Call> {
    let pods = platform.json(&["get", "pods", "-l", "app.kubernetes.io/name=topic-encryption-proxy"]).await;
    let mut calls = Vec::new();
    for pod in pods["items"].as_array().unwrap() {
        let log = platform.kubectl(&["logs", pod["metadata"]["name"].as_str().unwrap()]).await;
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let (questions, others): (Vec<_>, Vec<_>) = events
            .filter(|event| event["event"] == "keyProviderCall" || is_request_on_a_key(event))
            .partition(|event| event["event"] == "keyProviderCall");
        tell_their_topics(&questions);
        let proxy = text(&pod["status"]["podIP"]).unwrap();
        let questions: Vec<_> = questions.iter().map(|event| call(&proxy, event)).collect();
        let others = others.iter().map(|event| versioned(call(&proxy, event), &questions));
        calls.extend(others.collect::<Vec<_>>().into_iter().chain(questions));
    }
    // As the server has them.
    calls.sort_by_key(|call: &Call| call.time);
    calls
}

fn is_request_on_a_key(event: &Value) -> bool {
    event["event"] == "keyProviderRequest" && event["operation"] != "login"
}

/// The line of a request has no version, which that of the question about the same data key has.
fn versioned(request: Call, questions: &[Call]) -> Call {
    let same = |call: &&Call| request.data_key.is_some() && call.data_key == request.data_key;
    let version = questions.iter().find(same).and_then(|call| call.version.clone());
    Call { version, ..request }
}

/// Keys are tried before there is a rule for them; from then on each call tells what it is for.
fn tell_their_topics(events: &[Value]) {
    let last: HashMap<_, _> = events.iter().map(|event| (event["key"].as_str(), event)).collect();
    for event in last.values() {
        assert!(event["topics"].is_string(), "{event}");
    }
}

fn call(proxy: &str, event: &Value) -> Call {
    let one_of = |name: &str, known: &[&'static str]| {
        let told = known.iter().copied().find(|known| event[name] == *known);
        told.unwrap_or_else(|| panic!("{event}"))
    };
    Call {
        proxy: proxy.to_owned(),
        key: text(&event["key"]).unwrap(),
        operation: match one_of("operation", &["generate", "unwrap", "checkBinding", "retried"]) {
            // After a denial, of which it tells which data key it was about, if there was one.
            "retried" if event["data_key"].is_null() => "generate",
            "checkBinding" | "retried" => "unwrap",
            question => question,
        },
        outcome: one_of("outcome", &["ok", "refused", "corrupt", "unavailable"]),
        data_key: text(&event["data_key"]),
        version: text(&event["version"]),
        time: time(&event["timestamp"]),
        took: Duration::from_millis(event["milliseconds"].as_u64().unwrap()),
    }
}

/// What the server did for them.
pub(super) async fn theirs(bao: &OpenBao) -> Vec<Call> {
    bao.audit().await.iter().map(answer).collect()
}

fn answer(entry: &Value) -> Call {
    let request = &entry["request"];
    let path = request["path"].as_str().unwrap();
    let operation = if path.starts_with("transit/datakey") { "generate" } else { "unwrap" };
    let outcome = match entry["error"].as_str() {
        None => "ok",
        Some(error) if error.contains("permission denied") => "refused",
        Some(_) => "corrupt",
    };
    let wrapped =
        [&entry["response"]["data"]["ciphertext"], &request["data"]["ciphertext"]].into_iter().find_map(text);
    let version = |wrapped: &String| Some(wrapped.strip_prefix("vault:v")?.split_once(':')?.0.to_owned());
    Call {
        proxy: text(&request["remote_address"]).unwrap(),
        key: path.rsplit('/').next().unwrap().to_owned(),
        operation,
        outcome,
        version: wrapped.as_ref().and_then(version),
        data_key: wrapped.as_deref().map(data_key),
        time: time(&entry["time"]),
        took: Duration::ZERO,
    }
}

/// What proxies call a data key.
fn data_key(wrapped: &str) -> String {
    let digest = digest(&SHA256, &[BINDING, wrapped.as_bytes()].concat());
    digest.as_ref()[..16].iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn time(value: &Value) -> SystemTime {
    humantime::parse_rfc3339(value.as_str().unwrap()).unwrap_or_else(|error| panic!("{value}: {error}"))
}
