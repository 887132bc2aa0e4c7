//! What the audit log tells, beside what the server's tells.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::Method;
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
    sha256(wrapped)[..32].to_owned()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Requests that were answered, in the words of the proxies and of the server: path, outcome, data key.
type Requests = BTreeMap<(String, &'static str, String), usize>;

fn counted(requests: impl Iterator<Item = (String, &'static str, String)>) -> Requests {
    let mut counted = Requests::new();
    for request in requests {
        *counted.entry(request).or_default() += 1;
    }
    counted
}

/// Requests of which the proxies' audit logs tell, but for those whose answer nobody waited for.
fn told(events: &[Value]) -> Requests {
    let requests = events.iter().filter(|each| {
        let is_request = each["event"] == "keyProviderCall" || each["event"] == "keyProviderRequest";
        is_request && given_up([*each]) == 0
    });
    counted(requests.map(|each| {
        let text = |field: &str| each[field].as_str().unwrap_or_default();
        let key = text("key");
        let path = match text("operation") {
            "login" => "auth/token/renew-self".to_owned(),
            "generate" => format!("transit/datakey/plaintext/{key}"),
            "retried" if each["data_key"].is_null() => format!("transit/datakey/plaintext/{key}"),
            "unwrap" | "checkBinding" | "retried" => format!("transit/decrypt/{key}"),
            other => panic!("{other}: {each}"),
        };
        let outcome = ["ok", "refused", "corrupt"].into_iter().find(|known| text("outcome") == *known);
        (path, outcome.unwrap_or_else(|| panic!("{each}")), text("data_key").to_owned())
    }))
}

/// Requests of which the server's audit log tells.
fn served(owner: &Owner) -> Requests {
    let entries = owner.server.audit().into_iter().filter(|entry| {
        let path = entry["request"]["path"].as_str().unwrap_or_default();
        let of_proxies = ["transit/datakey/", "transit/decrypt/", "auth/token/renew-self"];
        of_proxies.iter().any(|each| path.starts_with(each))
    });
    counted(entries.map(|entry| {
        let outcome = match entry["error"].as_str() {
            None => "ok",
            Some(error) if error.contains("permission denied") => "refused",
            Some(_) => "corrupt",
        };
        let wrapped = [&entry["response"]["data"]["ciphertext"], &entry["request"]["data"]["ciphertext"]];
        let wrapped = wrapped.into_iter().find_map(Value::as_str);
        // What stands before the server's text under `binding: AssociatedData`.
        let data_key = wrapped.map(|wrapped| data_key_id(&[b"\x01", wrapped.as_bytes()].concat()));
        let path = entry["request"]["path"].as_str().unwrap().to_owned();
        (path, outcome, data_key.unwrap_or_default())
    }))
}

/// What one has more often than the other.
fn more(one: &Requests, other: &Requests) -> Requests {
    let more = |(request, count): (&(String, &'static str, String), &usize)| {
        let more = count.saturating_sub(other.get(request).copied().unwrap_or_default());
        (more > 0).then(|| (request.clone(), more))
    };
    one.iter().filter_map(more).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_logs_of_proxy_and_server_tell_the_same_story() {
    let owner = Owner::new().await;
    // As the page says, so that the log tells data keys apart.
    let shown = json!({
        "audit_non_hmac_request_keys": ["ciphertext"],
        "audit_non_hmac_response_keys": ["ciphertext"],
    });
    owner.server.call(Method::POST, "sys/mounts/transit/tune", shown).await;
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
    // At its end all lines are written.
    assert!(reader.terminate().await.success());
    let reading = |call: &Value| call["operation"] == "unwrap" && call["topics"] == format!("name {topic}");
    assert!(events_of(&reader, "keyProviderCall").iter().any(reading), "it tells whose data was read");
    owner.allow(&["b"]).await;
    proxy.wait_for_key_state("a", "Refused").await;
    assert!(proxy.terminate().await.success());

    let both_logs = [events(&proxy), events(&reader)].concat();
    let (told, served) = (told(&both_logs), served(&owner));
    assert_eq!(more(&told, &served), Requests::new(), "the server had none of these");
    // The server may have answered what nobody waited for any more.
    let untold = more(&served, &told);
    assert!(untold.values().sum::<usize>() <= given_up(&both_logs), "no line tells of these: {untold:#?}");
    let requests = |operation: &str, outcome: &str| {
        both_logs.iter().any(|each| each["operation"] == operation && each["outcome"] == outcome)
    };
    assert!(requests("login", "ok") && requests("checkBinding", "corrupt"), "{both_logs:?}");
    assert!(
        requests("retried", "refused"),
        "the first denial counts only after another login: {both_logs:?}"
    );

    let events = events(&proxy);
    let of = |event: &str| events.iter().filter(|each| each["event"] == event).collect::<Vec<_>>();
    let both = [events_of(&proxy, "keyProviderCall"), events_of(&reader, "keyProviderCall")].concat();
    let calls: Vec<&Value> = both.iter().collect();
    for call in of("keyProviderCall") {
        let rules = format!("prefix audit.{}", call["key"].as_str().unwrap());
        assert_eq!(call["topics"], rules, "it tells what the key is for: {call}");
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
    let files = of("credentialsLoaded");
    let file = |name: &std::path::Path| {
        let line = files.iter().find(|line| line["file"] == json!(name)).expect("it is told");
        assert_eq!(line["provider"], "default");
        line["hash"].clone()
    };
    let authority = owner.server.authority();
    assert_eq!(file(&authority), sha256(&std::fs::read(&authority).unwrap()));
    assert_eq!(file(&owner.folder.join("token")), Value::Null, "no hash of a secret");
    let token = owner.token();
    assert!(!proxy.log().contains(&token), "no log shows a token");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_policy_is_told_with_the_hash_of_its_file_and_its_rules() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("reload", json!({})).await;
    let hash = || sha256(&std::fs::read(proxy.folder().join("policy.yaml")).unwrap());
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
