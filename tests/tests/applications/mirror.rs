//! `MirrorMaker` 2 between two clusters whose proxies have nothing in common, and past them.

mod same_keys;

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use tests::{
    Client, Cluster, Codec, ConsumeOptions, Pattern, Payload, PolicyFile, ProduceOptions, Proxy,
    ReceivedRecord, Rule, Scratch, Segments, SentRecord, assert_same, canary, eventually, topic,
};

use crate::application::Application;
use crate::stage::Stage;

const PATIENCE: Duration = Duration::from_mins(2);
/// One mirror for each way: through both proxies, past both, past the one of the source, and past the one of the target.
const WAYS: [(&str, &str); 4] =
    [("near", "far"), ("past-near", "past-far"), ("bare-near", "far"), ("open-near", "bare-far")];
const RECORDS: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn mirror_maker_copies_through_proxies_and_fails_loudly_past_them() {
    let stage = &Stage::shared().await;
    let far = &Far::start().await;
    let mirror = Mirror::new(stage).await;
    let (kept, sent) = mirror.write(stage).await;
    let mut application = mirror.start(stage, far).await;
    mirror.arrives(far, &kept, &sent, &mut application).await;
    mirror.is_sealed_with_the_other_key(stage, far).await;
    mirror.is_no_data_past_both_proxies(far, &mut application).await;
    mirror.opens_past_both_proxies_record_by_record_alone(stage, far, &kept, &mut application).await;
    mirror.is_refused_by_the_targets_proxy(far, &mut application).await;
    mirror.is_stored_in_clear_past_the_targets_proxy(far, &mut application).await;
}

/// Another cluster, with a proxy and keys of its own.
struct Far {
    proxy: Proxy,
    cluster: Cluster,
}

impl Far {
    async fn start() -> Self {
        let cluster = Cluster::builder().start().await;
        let rule = Rule::encrypt([Pattern::any()], "elsewhere").on_plaintext("Reject");
        let proxy = Proxy::before(&cluster).policy(PolicyFile::new([rule])).start().await;
        Self { proxy, cluster }
    }
}

struct Mirror {
    /// For each way one, with the same name in both clusters.
    topics: [String; 4],
    /// One more for the way through both proxies, and for that past both.
    compacted: [String; 2],
    needle: String,
    folder: Scratch,
}

impl Mirror {
    async fn new(stage: &Stage) -> Self {
        let topics = ["mirrored", "past", "bare", "clear"].map(topic);
        let compacted = [0, 1].map(|way: usize| format!("{}-compacted", topics[way]));
        for topic in &topics {
            stage.cluster.create_topic(topic, 1, &[]).await;
        }
        for topic in &compacted {
            stage.cluster.create_topic(topic, 1, &[("cleanup.policy", "compact")]).await;
        }
        Self { topics, compacted, needle: canary("mirror"), folder: Scratch::new("mirror") }
    }

    /// The same to all topics but the compacted ones, which take records with keys only. Returns their records and those of the others.
    async fn write(&self, stage: &Stage) -> (Vec<SentRecord>, Vec<SentRecord>) {
        let mut sent = Payload::new(7).orders(RECORDS);
        for value in sent.iter_mut().filter_map(|record| record.value.as_mut()) {
            value.extend(self.needle.as_bytes());
        }
        let kept: Vec<SentRecord> = sent.iter().filter(|record| record.key.is_some()).cloned().collect();
        let to = |topic: &str| ProduceOptions::to(stage.proxy.bootstrap(), topic).codec(Codec::Zstd);
        for topic in &self.compacted {
            Client::Java.produce_all(&to(topic), &kept).await;
        }
        for topic in &self.topics {
            Client::Java.produce_all(&to(topic), &sent).await;
        }
        (kept, sent)
    }

    async fn start(&self, stage: &Stage, far: &Far) -> Application {
        let clusters = [
            ("near", stage.proxy.bootstrap()),
            ("far", far.proxy.bootstrap()),
            ("past-near", stage.cluster.bootstrap()),
            ("past-far", far.cluster.bootstrap()),
            ("bare-near", stage.cluster.bootstrap()),
            // Another name, since by it the mirror names topics of its own in the target.
            ("open-near", stage.proxy.bootstrap()),
            ("bare-far", far.cluster.bootstrap()),
        ];
        let names: Vec<&str> = clusters.iter().map(|(name, _)| *name).collect();
        let mut properties = format!("clusters={}\n", names.join(","));
        for (name, bootstrap) in &clusters {
            writeln!(properties, "{name}.bootstrap.servers={bootstrap}").unwrap();
        }
        for ((source, target), topic) in WAYS.iter().zip(&self.topics) {
            let way = format!("{source}->{target}");
            write!(properties, "{way}.enabled=true\n{way}.topics={topic}.*\n").unwrap();
        }
        properties += "replication.policy.class=org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n\
            replication.factor=1\nconfig.storage.replication.factor=1\noffset.storage.replication.factor=1\n\
            status.storage.replication.factor=1\noffset.storage.partitions=1\nstatus.storage.partitions=1\n\
            emit.heartbeats.enabled=false\nemit.checkpoints.enabled=false\nemit.offset-syncs.enabled=false\n\
            sync.topic.acls.enabled=false\nrefresh.groups.enabled=false\noffset.flush.interval.ms=1000\n\
            plugin.discovery=service_load\ntasks.max=1\n";
        let file = self.folder.join("mirror.properties");
        fs::write(&file, properties).unwrap();
        Application::start("mirror-maker", "mirror", &[file.to_str().unwrap()], &self.folder).await
    }

    /// Keys, values, headers and timestamps come out of the other proxy as they went into the first.
    async fn arrives(
        &self,
        far: &Far,
        kept: &[SentRecord],
        sent: &[SentRecord],
        application: &mut Application,
    ) {
        for (topic, sent) in [(&self.topics[0], sent), (&self.compacted[0], kept)] {
            let count = i64::try_from(sent.len()).unwrap();
            holds(far, topic, count, application).await;
            let options = ConsumeOptions::from(far.proxy.bootstrap(), topic);
            let received = Client::Java.consume_all(&options).await;
            assert_same(topic, sent, &received);
        }
        let policy = far.cluster.topic_config(&self.compacted[0], "cleanup.policy").await;
        assert_eq!(policy.as_deref(), Some("compact"));
    }

    async fn is_sealed_with_the_other_key(&self, stage: &Stage, far: &Far) {
        for topic in [&self.topics[0], &self.compacted[0]] {
            let keys = ["applications", "elsewhere"];
            let needles = [&self.needle, keys[0], keys[1]];
            let at_source = Segments::of(stage.cluster.topic_dirs(topic)).search(&needles).await;
            let at_target = Segments::of(far.cluster.topic_dirs(topic)).search(&needles).await;
            let found = |search: &tests::segments::Search| [0, 1, 2].map(|needle| search.found(needle));
            assert_eq!(found(&at_source), [false, true, false], "{topic}: {at_source:?}");
            assert_eq!(found(&at_target), [false, false, true], "{topic}: {at_target:?}");
        }
    }

    /// What lies there are envelopes of the source; whoever reads through the target's proxy gets an error and nothing else.
    async fn is_no_data_past_both_proxies(&self, far: &Far, application: &mut Application) {
        let topic = &self.topics[1];
        holds(far, topic, i64::try_from(RECORDS).unwrap(), application).await;
        let search = Segments::of(far.cluster.topic_dirs(topic))
            .search(&[&self.needle, "encryption.strimzi.io"])
            .await;
        assert!(!search.found(0) && search.found(1), "{search:?}");
        // The key of the source is none of the target's.
        readers_get(far, topic, "TOPIC_AUTHORIZATION_FAILED").await;
    }

    /// No proxy sees it come; a rule that says `Reject` keeps readers from it.
    async fn is_stored_in_clear_past_the_targets_proxy(&self, far: &Far, application: &mut Application) {
        let topic = &self.topics[3];
        holds(far, topic, i64::try_from(RECORDS).unwrap(), application).await;
        let search = Segments::of(far.cluster.topic_dirs(topic))
            .search(&[&self.needle, "encryption.strimzi.io"])
            .await;
        assert!(search.found(0) && !search.found(1), "{search:?}");
        is_corrupt(&far.proxy, topic).await;
    }

    /// Else it would be sealed once more, and handed out as it was. What lies between envelopes are records without anything.
    async fn is_refused_by_the_targets_proxy(&self, far: &Far, application: &mut Application) {
        let refused = async || {
            application.is_running();
            application.log().contains("InvalidRecordException")
        };
        eventually("the mirror says why it stopped", PATIENCE, refused).await;
        assert!(far.proxy.log().contains(r#""reason":"invalid_record""#));
        let options = ConsumeOptions::from(far.proxy.bootstrap(), &self.topics[2]);
        for record in Client::Java.consume_all(&options).await {
            let is_bare = record.key.is_none() && record.value.is_none() && record.headers.is_empty();
            assert!(is_bare, "handed out as data: {record:?}");
        }
    }
}

/// Whoever reads through the target's proxy gets no record and is told this.
async fn readers_get(far: &Far, topic: &str, error: &str) {
    for client in Client::ALL {
        let options = ConsumeOptions::from(far.proxy.bootstrap(), topic).timeout(Duration::from_secs(5));
        let consumed = client.consume(&options).await;
        let records: &[ReceivedRecord] = &consumed.records;
        assert!(records.is_empty() && !consumed.complete, "{client}: {consumed:?}");
        assert_eq!(consumed.errors, [error], "{client}");
    }
}

/// Whoever reads through this proxy gets no record and this error, for which Java has a name of its own.
async fn is_corrupt(proxy: &Proxy, topic: &str) {
    assert_eq!(proxy.read_batches(topic, 0).await.unwrap_err(), "CORRUPT_MESSAGE", "{topic}");
    let options = ConsumeOptions::from(proxy.bootstrap(), topic).timeout(Duration::from_secs(5));
    let consumed = Client::Java.consume(&options).await;
    assert!(consumed.records.is_empty() && !consumed.complete, "{topic}: {consumed:?}");
    assert_eq!(consumed.errors.len(), 1, "{topic}: {:?}", consumed.errors);
}

/// Waits until the target's broker has so many records, which the mirror makes the topic for.
async fn holds(far: &Far, topic: &str, count: i64, application: &mut Application) {
    let arrived = async || {
        application.is_running();
        let Ok(at) = far.cluster.admin().await.locate(topic, 0).await else { return false };
        far.cluster.admin().await.list_offset(&at, -1).await.is_ok_and(|end| end >= count)
    };
    eventually(&format!("{topic} has {count} records"), PATIENCE, arrived).await;
}
