//! Pseudonyms in the place of records' keys, as the page and its sample tell people to set them up.

use serde_json::{Value, json};
use tests::kubernetes::{Stage, page};
use tests::{Client, SentRecord, assert_same, canary};

const SAMPLE: &str = include_str!("../../../deploy/samples/13-policy-record-keys.yaml");
const PAGE: &str = "operator/docs/policies.md";
const TOPIC: &str = "customers.addresses";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_made_in_the_fleet_keeps_keys_of_records_off_the_brokers_disks() {
    let stage = Stage::named("record-keys").start().await;
    let sample = SAMPLE.replace("namespace: kafka", &format!("namespace: {}", stage.namespace()));
    let mut policy: Value = serde_yaml::from_str(&sample).unwrap();
    let rule = policy["spec"]["rules"][0].as_object_mut().unwrap();
    rule.remove("recordKeys").unwrap();
    stage.apply(&policy.to_string()).await;
    stage.await_ready("tep/customers").await;
    let key = made_in_the_fleet(&stage).await;

    // With the text that stands in the sample for a key, nothing is written.
    stage.apply(&sample).await;
    let refused = stage.await_condition("tep", "customers", "KeysReady", |keys| keys.status == "False").await;
    assert!(refused.message.contains("recordKeys.pseudonymKey of prefix customers."), "{refused}");
    stage.create_topic(TOPIC, 1, &[]).await;
    let needle = canary("key");
    let records = ["first", "second"]
        .map(|value| SentRecord { key: Some(needle.clone().into()), ..SentRecord::of(value) });
    let to = stage.to(Client::Java, TOPIC).await;
    for answer in Client::Java.produce(&to, &records).await {
        assert_eq!(answer.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    }

    policy["spec"]["rules"][0]["recordKeys"] = json!({"pseudonymKey": key});
    stage.apply(&policy.to_string()).await;
    stage.await_condition("tep", "customers", "KeysReady", |keys| keys.status == "True").await;
    stage.await_ready("tep/customers").await;
    Client::Java.produce_all(&to, &records).await;
    let from = stage.from(Client::Librdkafka, TOPIC).await;
    assert_same("through the proxies", &records, &Client::Librdkafka.consume_all(&from).await);
    let segments = stage.segments(TOPIC, &[0]).await;
    let search = segments.search(&[&needle]).await;
    assert!(!search.found(0) && search.records == 2 && search.invalid == 0, "{search:?}");
    let stored = segments.dump().await;
    let keys: Vec<_> = stored.iter().flat_map(|batch| &batch.records).map(|record| &record.key).collect();
    assert!(keys[0].is_some() && keys[0] == keys[1], "equal keys are compacted as one: {keys:?}");
}

/// By the command of the page, which prints the key and nothing else.
async fn made_in_the_fleet(stage: &Stage) -> String {
    let blocks = page::commands(PAGE, "Keys of records");
    let [command] = blocks.as_slice() else { panic!("{blocks:?}") };
    let command = command.replace("--namespace kafka ", &format!("--namespace {} ", stage.namespace()));
    let printed =
        stage.kubernetes().typed(command.trim_end(), "").await.unwrap_or_else(|failed| panic!("{failed}"));
    let key = printed.trim_end().to_owned();
    assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)), "{printed}");
    key
}
