//! Neither keys nor records are told to anybody.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;
use tests::payload::random_bytes;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Pattern, ProduceOptions, Proxy, RawConnection, Rule,
    SentRecord, canary,
};

use super::{create, read, two_keys, write};

/// Conformance: P17-16, TE-10.
#[tokio::test(flavor = "multi_thread")]
async fn neither_keys_nor_records_show_in_logs_and_status() {
    neither_keys_nor_records_show("text").await;
}

/// Conformance: TE-10.
#[tokio::test(flavor = "multi_thread")]
async fn neither_keys_nor_records_show_in_json_logs() {
    let log = neither_keys_nor_records_show("json").await;
    // The last line may be under way.
    let (whole, _) = log.rsplit_once('\n').unwrap();
    for line in whole.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        // What has no level is of the audit log.
        let known = event["level"].is_string() || event["event"].is_string();
        assert!(event["timestamp"].is_string() && known, "{line}");
    }
}

/// With all that a proxy does to records, and all that may go wrong with them. Returns the log.
async fn neither_keys_nor_records_show(format: &str) -> String {
    let cluster = Cluster::shared().await;
    let key = random_bytes(32);
    let spoiled = canary("spoiled");
    let needles = ["key", "value", "name", "header"].map(canary);
    let policy = two_keys("quiet").rule(Rule::encrypt([Pattern::prefix("quiet.c")], "c"));
    let builder = Proxy::before(cluster).policy(policy).key("b", 1).key("c", 1);
    let proxy = builder.config("log", json!({"level": "trace", "format": format})).start().await;
    proxy.write_key_bytes("a", 1, &key);
    proxy.write_file("keys/c.v1", &spoiled);
    proxy.write_file(&format!("keys/{}", "misnamed"), &spoiled);
    proxy.wait_for_key_state("a", "Ready").await;

    let record = SentRecord::of(format!("a value with {}", needles[1])).key(needles[0].clone());
    let record = record.header(&needles[2], needles[3].clone()).partition(0);
    for format in ["a", "clear"] {
        let topic = create(&format!("quiet.{format}")).await;
        for client in [Client::Java, Client::Librdkafka] {
            client
                .produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), std::slice::from_ref(&record))
                .await;
            client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
        }
    }
    // No frames at all, though with a record in them: one too long, one of no API.
    let garbage = Batch::of(std::slice::from_ref(&record));
    for start in [[0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 200]] {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        connection.send_bytes(&start).await.unwrap();
        // The proxy may have closed the connection already.
        drop(connection.send_bytes(&[0x7f; 8]).await);
        drop(connection.send_bytes(garbage.records()).await);
        drop(connection.send_bytes(&[0; 200]).await);
        assert!(connection.closes_within(Duration::from_secs(10)).await);
    }
    // A bad checksum, a malformed batch, a clear record where none may be, a key that is refused.
    let topic = create("quiet.a").await;
    let mut bad = Batch::of(std::slice::from_ref(&record));
    *bad.records_mut().last_mut().unwrap() ^= 1;
    write(&proxy, &topic, &bad).await.unwrap_err();
    bad.records_mut()[0] = 0x7f;
    bad.seal();
    write(&proxy, &topic, &bad).await.unwrap_err();
    let (mut broker, at) = cluster.leader(&topic, 0).await;
    broker.produce(&at, By::Name, Batch::of(std::slice::from_ref(&record))).await.unwrap();
    read(&proxy, &topic, 0).await.unwrap_err();
    proxy.remove_key("b", 1);
    proxy.wait_for_key_state("b", "Refused").await;
    write(&proxy, &create("quiet.b").await, &Batch::of(&[record])).await.unwrap_err();

    let mut said = vec![("the log", proxy.log())];
    for path in ["/metrics", "/keys", "/policy", "/topics", "/readyz"] {
        said.push((path, proxy.get(path).await.unwrap().body));
    }
    let log = &said[0].1;
    assert!(log.contains("DEBUG") && log.contains("key state changed"), "the log is at its most talkative");
    let hex = key.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let decimal: Vec<String> = key.iter().take(8).map(u8::to_string).collect();
    let decimal = decimal.join(", ");
    let encoded = [STANDARD.encode(&key), STANDARD_NO_PAD.encode(&key), URL_SAFE_NO_PAD.encode(&key)];
    let encoded = encoded.map(|text| text[..40].to_owned());
    let secrets = needles.iter().chain(&encoded).chain([&hex, &decimal, &spoiled]);
    for secret in secrets {
        for (place, text) in &said {
            assert!(!text.contains(secret.as_str()), "{place} tells {secret}");
            let encoded = STANDARD.encode(secret);
            assert!(!text.contains(&encoded[..24]), "{place} tells {secret} in base64");
        }
    }
    said.swap_remove(0).1
}
