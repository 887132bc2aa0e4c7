//! What the audit log tells, beside what the server's tells.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use tests::{Pattern, Proxy, Rule, eventually};

use super::{Owner, PATIENCE, batch, create, policy};

/// The audit log of a proxy, whose other logs are in the same file here.
pub(super) fn events(proxy: &Proxy) -> Vec<Value> {
    let lines = proxy.log();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"].is_string()).collect()
}

fn events_of(proxy: &Proxy, event: &str) -> Vec<Value> {
    events(proxy).into_iter().filter(|each| each["event"] == event).collect()
}

/// Calls among these events that went well.
pub(super) fn answered<'a>(calls: impl IntoIterator<Item = &'a Value>) -> usize {
    calls.into_iter().filter(|call| call["outcome"] == "ok").count()
}

/// Those whose answer nobody waited for, as a proxy that ends may give up a try of a key: the server may have answered them.
pub(super) fn given_up<'a>(calls: impl IntoIterator<Item = &'a Value>) -> usize {
    let cause = "given up before there was an answer";
    calls.into_iter().filter(|call| call["outcome"] == "unavailable" && call["cause"] == cause).count()
}

/// What it calls a data key.
pub(super) fn data_key_id(wrapped: &[u8]) -> String {
    let digest = digest(&SHA256, wrapped);
    digest.as_ref()[..16].iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_logs_of_proxy_and_server_tell_the_same_story() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("audit", json!({})).await;
    let topic = create("audit.a").await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    assert_eq!(proxy.post("/keys/rotate").await.unwrap().status, 202);
    let replaced = async || {
        proxy.write_batch(&topic, &batch()).await.unwrap();
        events(&proxy).iter().any(|each| each["event"] == "dataKeyRetired")
    };
    eventually("the data key is replaced", PATIENCE, replaced).await;
    // Another proxy has no data key of these records yet.
    let reader = owner.proxy("audit", json!({})).await;
    reader.read_batches(&topic, 0).await.unwrap();
    let reading = |call: &Value| call["operation"] == "unwrap" && call["topics"] == format!("name {topic}");
    assert!(events_of(&reader, "keyProviderCall").iter().any(reading), "it tells whose data was read");
    assert!(reader.terminate().await.success());
    owner.allow(&["b"]).await;
    proxy.wait_for_key_state("a", "Refused").await;
    assert!(proxy.terminate().await.success());

    let events = events(&proxy);
    let of = |event: &str| events.iter().filter(|each| each["event"] == event).collect::<Vec<_>>();
    let served = owner.calls();
    let both = [events_of(&proxy, "keyProviderCall"), events_of(&reader, "keyProviderCall")].concat();
    let calls: Vec<&Value> = both.iter().collect();
    for call in of("keyProviderCall") {
        let rules = format!("prefix audit.{}", call["key"].as_str().unwrap());
        assert_eq!(call["topics"], rules, "it tells what the key is for: {call}");
    }
    // After a 403 the proxy asks once more, with a token that it just renewed.
    let denied = |entry: &&Value| !entry["error"].is_null();
    let ok = calls.iter().filter(|call| call["outcome"] == "ok").count();
    assert_eq!(ok, served.len() - served.iter().filter(denied).count());
    for (operation, path) in [("generate", "transit/datakey/plaintext/a"), ("unwrap", "transit/decrypt/a")] {
        let ours = calls
            .iter()
            .filter(|call| call["operation"] == operation && call["key"] == "a" && call["outcome"] == "ok");
        let theirs =
            served.iter().filter(|entry| entry["request"]["path"] == path && entry["error"].is_null());
        assert_eq!(ours.count(), theirs.count(), "{operation}");
    }
    assert!(
        calls.iter().all(|call| call["milliseconds"].is_u64()),
        "each call tells how long it took: {calls:?}"
    );
    let refused = calls.iter().find(|call| call["outcome"] == "refused").expect("a call was refused");
    assert!(refused["provider"] == "default" && refused["key"] == "a", "{refused}");
    assert!(refused["cause"].as_str().unwrap().contains("403"), "{refused}");

    let in_use = of("dataKeyInUse");
    assert_eq!(in_use.len(), 2);
    assert!(in_use[0]["version"] == "1" && in_use[0]["key"] == "a", "{}", in_use[0]);
    let retired = of("dataKeyRetired");
    assert_eq!(retired[0]["data_key"], in_use[0]["data_key"]);
    assert!(retired[0]["messages"].as_u64() >= Some(1), "{}", retired[0]);
    assert_eq!(of("policyLoaded").len(), 1);
    let rule = of("ruleInForce").into_iter().find(|rule| rule["key"] == "a").expect("a rule has the key");
    assert_eq!((&rule["provider"], &rule["encryption"]), (&json!("default"), &json!("Enabled")), "{rule}");
    let token = owner.token();
    assert!(!proxy.log().contains(&token), "no log shows a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_policy_is_told_with_the_hash_of_its_file_and_its_rules() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("reload", json!({})).await;
    let hash = || {
        let text = std::fs::read(proxy.folder().join("policy.yaml")).unwrap();
        let digest = digest(&SHA256, &text);
        digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    };
    let told = |event: &str| -> Vec<String> {
        events_of(&proxy, event).iter().map(|line| line["hash"].as_str().unwrap().to_owned()).collect()
    };
    let first = hash();
    proxy.apply_policy(&policy("reload").rule(Rule::encrypt([Pattern::name("third")], "b"))).await;
    let second = hash();
    proxy.write_file("policy.yaml", "rules: 5\n");
    eventually("the refusal is told", PATIENCE, async || told("policyRefused") == [hash()]).await;
    assert!(![&first, &second].contains(&&hash()));
    assert_eq!(told("policyLoaded"), [first.clone(), second.clone()]);
    let of = |policy: &String| told("ruleInForce").iter().filter(|hash| *hash == policy).count();
    assert_eq!((of(&first), of(&second)), (2, 3));
}
