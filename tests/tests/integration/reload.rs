//! The policy changes while the proxy runs, and across restarts: what was once encrypted is never silently clear.

pub(crate) mod load;
mod mistakes;
mod pending;
mod retired;

use std::io;
use std::time::Duration;

use tests::raw_connection::Location;
use tests::{
    Batch, By, Cluster, KafkaErrorName, Pattern, PolicyFile, Proxy, RawConnection, Rule, Segments,
    SentRecord, canary, topic,
};

use load::end;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a batch through the proxy; the error is the partition's.
async fn write(proxy: &Proxy, topic: &str, batch: &Batch) -> Result<(), KafkaErrorName> {
    let (mut connection, at) = connect(proxy, topic).await.unwrap();
    let appended = connection.produce(&at, By::Id, batch.clone()).await.unwrap();
    appended.error.map_or(Ok(()), Err)
}

/// All batches of the first partition as the proxy delivers them.
async fn read(proxy: &Proxy, topic: &str) -> io::Result<Vec<Batch>> {
    let (mut connection, at) = connect(proxy, topic).await?;
    let batches = connection.fetch_all(&at, By::Id).await?;
    Ok(batches.iter().map(Batch::as_sent).collect())
}

async fn connect(proxy: &Proxy, topic: &str) -> io::Result<(RawConnection, Location)> {
    RawConnection::to_leader(&proxy.bootstrap(), topic, 0).await
}

fn batch(text: &str) -> Batch {
    Batch::of(&[SentRecord::of(text), SentRecord::of("another record")])
}

fn encrypting(pattern: Pattern) -> PolicyFile {
    PolicyFile::new([Rule::encrypt([pattern], "reload")])
}

/// A proxy of one's own that has encrypted a batch.
struct Once {
    proxy: Proxy,
    topic: String,
    needle: String,
    batch: Batch,
}

impl Once {
    async fn encrypted(purpose: &str) -> Self {
        let cluster = Cluster::shared().await;
        let policy = encrypting(Pattern::prefix(&format!("{purpose}.")));
        let proxy = Proxy::before(cluster).policy(policy).start().await;
        let topic = topic(&format!("{purpose}.once"));
        cluster.create_topic(&topic, 1, &[]).await;
        let needle = canary("once");
        let batch = batch(&needle);
        write(&proxy, &topic, &batch).await.unwrap();
        Self { proxy, topic, needle, batch }
    }

    /// The topic is read and not written.
    async fn is_retired(&self) {
        let answer = write(&self.proxy, &self.topic, &self.batch).await;
        assert_eq!(answer.unwrap_err(), "POLICY_VIOLATION");
        assert_eq!(end(&self.topic).await, 2, "nothing else is stored");
        let batches = read(&self.proxy, &self.topic).await.unwrap();
        assert_eq!(batches, [self.batch.as_sent()]);
    }

    /// The edit retires the topic, and a restart does not forget that.
    async fn is_retired_by(&self, edited: PolicyFile) {
        self.proxy.apply_policy(&edited).await;
        self.is_retired().await;
        self.proxy.restart().await;
        self.is_retired().await;
    }
}

/// Conformance: P17-28, TE-08.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_rule_leaves_its_topics_readable_and_refuses_writes() {
    let once = Once::encrypted("removed").await;
    once.is_retired_by(encrypting(Pattern::prefix("unrelated."))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_rule_leaves_the_rest_readable_and_refuses_writes() {
    let once = Once::encrypted("narrowed").await;
    once.is_retired_by(encrypting(Pattern::prefix("narrowed.inner."))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_policy_leaves_topics_readable_and_refuses_writes() {
    let once = Once::encrypted("emptied").await;
    once.is_retired_by(PolicyFile::new([])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_a_wider_pattern_does_not_make_a_topic_clear() {
    let once = Once::encrypted("wider").await;
    once.is_retired_by(PolicyFile::new([Rule::disabled([Pattern::any()])])).await;
}

/// Conformance: P17-33.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_edited_while_the_proxy_is_down_retires_topics_too() {
    let once = Once::encrypted("asleep").await;
    assert!(once.proxy.terminate().await.success());
    once.proxy.write_policy(&PolicyFile::new([]));
    once.proxy.start().await;
    once.is_retired().await;
}

/// Conformance: P17-04, TE-17.
#[tokio::test(flavor = "multi_thread")]
async fn disabling_the_same_pattern_makes_a_topic_clear_again() {
    let once = Once::encrypted("disabled").await;
    once.proxy.apply_policy(&PolicyFile::new([])).await;
    once.proxy.restart().await;
    once.is_retired().await;
    let disabled = Rule::disabled([Pattern::prefix("disabled.")]);
    once.proxy.apply_policy(&PolicyFile::new([disabled])).await;
    let clear_needle = canary("clear");
    let clear = batch(&clear_needle);
    write(&once.proxy, &once.topic, &clear).await.unwrap();
    let both = read(&once.proxy, &once.topic).await.unwrap();
    assert_eq!(both, [once.batch.as_sent(), clear.as_sent()]);
    once.proxy.restart().await;
    write(&once.proxy, &once.topic, &clear).await.unwrap();
    let files = Cluster::shared().await.topic_dirs(&once.topic);
    let search = Segments::of(files).search(&[once.needle, clear_needle]).await;
    assert!(!search.found(0) && search.found_in(1, "value"), "{search:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_comes_back_encrypts_a_retired_topic_again() {
    let once = Once::encrypted("back").await;
    once.proxy.apply_policy(&PolicyFile::new([])).await;
    once.is_retired().await;
    once.proxy.apply_policy(&encrypting(Pattern::name(&once.topic))).await;
    write(&once.proxy, &once.topic, &once.batch).await.unwrap();
    let batches = read(&once.proxy, &once.topic).await.unwrap();
    assert_eq!(batches, [once.batch.as_sent(), once.batch.as_sent()]);
    let files = Cluster::shared().await.topic_dirs(&once.topic);
    let search = Segments::of(files).search(&[once.needle]).await;
    assert!(!search.found(0), "{search:?}");
}
