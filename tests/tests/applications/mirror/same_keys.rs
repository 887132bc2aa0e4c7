//! Past both proxies, where the target's have the keys of the source and know the cluster under the same name.

use serde_json::json;
use tests::{
    Client, ConsumeOptions, Pattern, PolicyFile, ProduceOptions, Proxy, Rule, SentRecord, assert_same,
};

use super::{Far, Mirror, holds, is_corrupt};
use crate::application::Application;
use crate::stage::Stage;

impl Mirror {
    /// Batches belong to the producer that sent them, and the mirror is another. A record that is sealed by itself belongs to its topic
    /// alone, so it opens as long as that has kept its name.
    pub(super) async fn opens_past_both_proxies_record_by_record_alone(
        &self,
        stage: &Stage,
        far: &Far,
        kept: &[SentRecord],
        application: &mut Application,
    ) {
        let (batches, records) = (&self.topics[1], &self.compacted[1]);
        holds(far, records, i64::try_from(kept.len()).unwrap(), application).await;
        let proxy = with_keys_of(stage, far).await;
        let received = Client::Java.consume_all(&ConsumeOptions::from(proxy.bootstrap(), records)).await;
        assert_same("the records of a topic of the same name", kept, &received);
        is_corrupt(&proxy, batches).await;
        is_corrupt(&proxy, &renamed(far, records).await).await;
    }
}

async fn with_keys_of(stage: &Stage, far: &Far) -> Proxy {
    let rule = Rule::encrypt([Pattern::any()], "applications").on_plaintext("Reject");
    let keys = json!({"default": {"local": {"directory": stage.proxy.keys_folder()}}});
    let builder = Proxy::before(&far.cluster).policy(PolicyFile::new([rule]));
    builder.config("keyProviders", keys).start().await
}

/// What a mirror makes of a topic under its own policy of names: the same records in another one. Those without a value are left
/// out, since they are stored as they are and come back from anywhere.
async fn renamed(far: &Far, topic: &str) -> String {
    let name = format!("near.{topic}");
    far.cluster.create_topic(&name, 1, &[("cleanup.policy", "compact")]).await;
    let stored = Client::Java.consume_all(&ConsumeOptions::from(far.cluster.bootstrap(), topic)).await;
    let stored = stored.into_iter().filter(|record| record.value.is_some()).map(|record| SentRecord {
        partition: Some(0),
        key: record.key,
        value: record.value,
        headers: record.headers,
        timestamp: Some(record.timestamp),
    });
    let stored: Vec<SentRecord> = stored.collect();
    Client::Java.produce_all(&ProduceOptions::to(far.cluster.bootstrap(), &name), &stored).await;
    name
}
