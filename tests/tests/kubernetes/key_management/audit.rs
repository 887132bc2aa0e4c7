//! The audit logs of the proxies, beside that of the server: the same calls, in the same order.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tests::eventually_ok;
use tests::kubernetes::{OpenBao, Stage};

/// Times of the proxies are rounded.
const ROUNDING: Duration = Duration::from_millis(2);

/// A call on a key, as one of the two tells of it.
#[derive(Debug, Clone)]
struct Call {
    /// The proxy's address.
    proxy: String,
    key: String,
    operation: &'static str,
    outcome: &'static str,
    /// Each has names of its own for these.
    data_key: Option<String>,
    version: Option<String>,
    /// From when to when, for the proxies; when it was answered, for the server.
    time: (SystemTime, SystemTime),
}

/// What the server says that it did for the proxies is what they say that they asked: whether it allowed it, for which data key
/// and under which version of which key, call by call.
pub(super) async fn logs_tell_the_same(platform: &Stage, bao: &OpenBao) {
    let same = async || {
        // A call that comes between the two is in the second alone, so they are read again.
        let (ours, theirs) = (ours(platform).await, theirs(bao).await);
        compare(&ours, &theirs).map(|()| ours)
    };
    let calls = eventually_ok("the logs tell the same", Duration::from_mins(1), same).await;
    let has = |key: &str, operation: &str, outcome: &str, version: Option<&str>| {
        calls.iter().any(|call| {
            (call.key.as_str(), call.operation, call.outcome) == (key, operation, outcome)
                && call.version.as_deref() == version
        })
    };
    for version in ["1", "2"] {
        assert!(has("payments", "generate", "ok", Some(version)), "version {version}: {calls:?}");
        assert!(has("payments", "unwrap", "ok", Some(version)), "version {version}: {calls:?}");
    }
    assert!(has("payments", "unwrap", "refused", Some("1")), "{calls:?}");
    assert!(has("refunds", "generate", "ok", Some("1")), "{calls:?}");
}

fn compare(ours: &[Call], theirs: &[Call]) -> Result<(), String> {
    // The server hashes wrapped data keys in its way, we in ours; which is which is known from where they are made.
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut answers: Vec<Vec<&Call>> = vec![Vec::new(); ours.len()];
    for theirs in theirs {
        let is_it = |call: &&(usize, &Call)| {
            let (_, call) = call;
            // Before a data key is used, the proxy sees that it does not open in another context.
            let operation = if theirs.outcome == "corrupt" { "generate" } else { theirs.operation };
            let of_the_data_key = operation == "generate"
                || call.data_key.as_deref().and_then(|ours| names.get(ours))
                    == theirs.data_key.as_deref().as_ref();
            (&call.proxy, &call.key, call.operation) == (&theirs.proxy, &theirs.key, operation)
                && of_the_data_key
                && (call.time.0..=call.time.1).contains(&theirs.time.1)
        };
        let (index, call) = ours.iter().enumerate().find(|call| is_it(&call)).ok_or_else(|| {
            let of_the_proxy = |call: &&Call| (&call.proxy, &call.key) == (&theirs.proxy, &theirs.key);
            format!(
                "no proxy tells of {theirs:?}, {:?}",
                ours.iter().filter(of_the_proxy).collect::<Vec<_>>()
            )
        })?;
        if (theirs.operation, theirs.outcome) == ("generate", "ok")
            && let (Some(ours), Some(theirs)) = (&call.data_key, &theirs.data_key)
        {
            names.insert(ours, theirs);
        }
        answers[index].push(theirs);
    }
    for (call, answers) in ours.iter().zip(answers) {
        let outcomes: Vec<_> =
            answers.iter().map(|answer| answer.outcome).filter(|outcome| *outcome != "corrupt").collect();
        let is_told = match call.outcome {
            // After a denial a proxy logs in anew and asks once more.
            "ok" => matches!(outcomes.as_slice(), ["ok"] | ["refused", "ok"]),
            "refused" => matches!(outcomes.as_slice(), ["refused"] | ["refused", "refused"]),
            // What did not come in time may have been done.
            "unavailable" => true,
            _ => false,
        };
        let same_version =
            answers.iter().all(|answer| answer.version.is_none() || answer.version == call.version);
        if !is_told || !same_version {
            return Err(format!("the server tells {answers:?} of {call:?}"));
        }
    }
    Ok(())
}

async fn ours(platform: &Stage) -> Vec<Call> {
    let pods = platform.json(&["get", "pods", "-l", "app.kubernetes.io/name=topic-encryption-proxy"]).await;
    let mut calls = Vec::new();
    for pod in pods["items"].as_array().unwrap() {
        let log = platform.kubectl(&["logs", pod["metadata"]["name"].as_str().unwrap()]).await;
        let proxy = text(&pod["status"]["podIP"]).unwrap();
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = events.filter(|event| event["event"] == "keyProviderCall");
        calls.extend(events.map(|event| call(&proxy, &event)));
    }
    calls
}

fn call(proxy: &str, event: &Value) -> Call {
    let end = time(&event["timestamp"]);
    let took = Duration::from_millis(event["milliseconds"].as_u64().unwrap());
    let one_of = |name: &str, known: [&'static str; 4]| {
        known.into_iter().find(|known| event[name] == *known).unwrap_or_else(|| panic!("{event}"))
    };
    Call {
        proxy: proxy.to_owned(),
        key: text(&event["key"]).unwrap(),
        operation: one_of("operation", ["generate", "unwrap", "unwrapLegacy", ""]),
        outcome: one_of("outcome", ["ok", "refused", "corrupt", "unavailable"]),
        data_key: text(&event["data_key"]),
        version: text(&event["version"]),
        time: (end - took - ROUNDING, end),
    }
}

async fn theirs(bao: &OpenBao) -> Vec<Call> {
    let mut versions = BTreeMap::new();
    let entries = bao.audit().await;
    entries.iter().map(|entry| answer(entry, &mut versions)).collect()
}

/// The server tells the version where a data key is made, and not where it is opened.
fn answer(entry: &Value, versions: &mut BTreeMap<String, String>) -> Call {
    let request = &entry["request"];
    let path = request["path"].as_str().unwrap();
    let operation = if path.starts_with("transit/datakey") { "generate" } else { "unwrap" };
    let outcome = match entry["error"].as_str() {
        None => "ok",
        Some(error) if error.contains("permission denied") => "refused",
        Some(_) => "corrupt",
    };
    let made = &entry["response"]["data"];
    let data_key = text(&made["ciphertext"]).or_else(|| text(&request["data"]["ciphertext"]));
    if let (Some(data_key), Some(version)) = (&data_key, made["key_version"].as_u64()) {
        versions.insert(data_key.clone(), version.to_string());
    }
    let at = time(&entry["time"]);
    Call {
        proxy: text(&request["remote_address"]).unwrap(),
        key: path.rsplit('/').next().unwrap().to_owned(),
        operation,
        outcome,
        version: data_key.as_ref().and_then(|data_key| versions.get(data_key).cloned()),
        data_key,
        time: (at, at),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn time(value: &Value) -> SystemTime {
    humantime::parse_rfc3339(value.as_str().unwrap()).unwrap_or_else(|error| panic!("{value}: {error}"))
}
