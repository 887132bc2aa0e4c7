//! The audit logs of the proxies, beside that of the server.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tests::eventually_ok;
use tests::kubernetes::{OpenBao, Stage};

/// Calls by operation and whether they were allowed.
type Calls = BTreeMap<(&'static str, bool), usize>;

/// What the server says that it did for the proxies is what they say that they asked.
pub(super) async fn logs_tell_the_same(platform: &Stage, bao: &OpenBao) {
    let same = async || {
        let (ours, theirs) = (ours(platform).await, theirs(bao).await);
        let is_same = |operation| {
            let [allowed, denied] = [true, false].map(|outcome| (operation, outcome));
            // After a denial a proxy logs in anew and asks once more.
            ours.get(&allowed) == theirs.get(&allowed) && ours.get(&denied) <= theirs.get(&denied)
        };
        if is_same("generate") && is_same("unwrap") {
            Ok(ours)
        } else {
            Err(format!("{ours:?} and {theirs:?}"))
        }
    };
    let calls = eventually_ok("the logs tell the same", Duration::from_secs(30), same).await;
    assert!(calls.contains_key(&("unwrap", true)) && calls.contains_key(&("unwrap", false)), "{calls:?}");
}

async fn ours(platform: &Stage) -> Calls {
    let selector = "app.kubernetes.io/name=topic-encryption-proxy";
    let log = platform.kubectl(&["logs", "-l", selector, "--tail=-1"]).await;
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    count(events.filter(|event| event["event"] == "keyProviderCall").filter_map(|event| {
        let operation = if event["operation"] == "generate" { "generate" } else { "unwrap" };
        match event["outcome"].as_str()? {
            "ok" => Some((operation, true)),
            "refused" => Some((operation, false)),
            _ => None,
        }
    }))
}

async fn theirs(bao: &OpenBao) -> Calls {
    let entries = bao.audit().await;
    count(entries.iter().map(|entry| {
        let path = entry["request"]["path"].as_str().unwrap_or_default();
        let operation = if path.starts_with("transit/datakey") { "generate" } else { "unwrap" };
        (operation, entry["error"].is_null())
    }))
}

fn count(calls: impl Iterator<Item = (&'static str, bool)>) -> Calls {
    let mut counts = Calls::new();
    for call in calls {
        *counts.entry(call).or_default() += 1;
    }
    counts
}
