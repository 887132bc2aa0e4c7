//! A provider of another kind under the same name could read nothing of what there is.

use serde_json::{Value, json};
use tests::kubernetes::{Condition, Stage, Topic};

pub(super) async fn changes_nothing(stage: &Stage, topic: &Topic<'_>) {
    let fleet = stage.fleet().await;
    let given = stage.get("encproxy", "my-cluster").await["spec"]["keyProviders"].clone();
    let say = async |providers: &Value| {
        stage.patch("encproxy", "my-cluster", json!({"spec": {"keyProviders": providers}})).await;
    };
    let mut others = given.clone();
    others[0] = json!({"name": "default", "local": {}});
    say(&others).await;
    let changed = |ready: &Condition| ready.reason == "KeyProviderChanged";
    let told = stage.await_condition("encproxy", "my-cluster", "Ready", changed).await;
    assert!(told.status == "False" && told.message.contains("was vault"), "{told}");
    topic.assert_intact().await;
    assert_eq!(stage.fleet().await, fleet, "the proxies go on as they were");
    say(&given).await;
    stage.await_ready("encproxy/my-cluster").await;
    topic.assert_intact().await;
}
