//! The policy changes while the proxy runs, and across restarts: what was once encrypted is never silently clear.

use std::fmt::Write as _;
use std::io;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::raw_connection::Location;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, KafkaErrorName, Pattern, PolicyFile, Proxy, RawConnection,
    Rig, Rule, Segments, SentRecord, canary, eventually, eventually_ok, topic,
};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

const PATIENCE: Duration = Duration::from_secs(30);

/// librdkafka with records fed to it bit by bit, so that the test says when the load comes.
pub(crate) struct Feed {
    child: Child,
    input: ChildStdin,
    sent: usize,
}

impl Feed {
    pub(crate) async fn start(bootstrap: &str, topic: &str) -> Self {
        let mut command = Command::new(Rig::ready().await.part("LIBRDKAFKA_CLIENT"));
        command.args(["produce", "--bootstrap", bootstrap, "--topic", topic]);
        command.args(["--linger", "2", "--timeout-ms", "60000"]);
        command.args(["--property", "reconnect.backoff.max.ms=500"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        Self {
            child,
            input,
            sent: 0,
        }
    }

    /// Hands over so many records more.
    pub(crate) async fn send(&mut self, count: usize) {
        let mut text = String::new();
        for index in self.sent..self.sent + count {
            let record = json!({"partition": 0, "value": STANDARD.encode(value(index))});
            writeln!(text, "{record}").unwrap();
        }
        self.input.write_all(text.as_bytes()).await.unwrap();
        self.input.flush().await.unwrap();
        self.sent += count;
    }

    /// Waits for all answers. Each record must be stored exactly once and in its place.
    pub(crate) async fn finish(self) {
        drop(self.input);
        let output = self.child.wait_with_output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let answers = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut stored = 0;
        for (index, answer) in answers.enumerate() {
            assert_eq!(answer["offset"], index, "{answer}");
            stored += 1;
        }
        assert_eq!(stored, self.sent, "the number of acknowledged records");
    }
}

/// What [`Feed`] sends.
pub(crate) fn value(index: usize) -> String {
    format!("record {index:06} of a load that goes on while something changes")
}

/// The end of the first partition as the broker tells it.
pub(crate) async fn end(topic: &str) -> i64 {
    let (mut connection, at) = Cluster::shared().await.leader(topic, 0).await;
    connection.list_offset(&at, -1).await.unwrap()
}

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
        Self {
            proxy,
            topic,
            needle,
            batch,
        }
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
    async fn is_retired_by(self, edited: PolicyFile) {
        self.proxy.apply_policy(&edited).await;
        self.is_retired().await;
        self.proxy.restart().await;
        self.is_retired().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_takes_over_under_load_without_loss_duplicate_or_reconnect() {
    const EACH: usize = 12_000;
    const MEANWHILE: usize = 6_000;
    const TOTAL: usize = 2 * EACH + MEANWHILE;
    let cluster = Cluster::shared().await;
    let policy =
        |key| PolicyFile::new([Rule::encrypt([Pattern::prefix("load.")], key).on_plaintext("Reject")]);
    let builder = Proxy::before(cluster).policy(policy("first-key"));
    let proxy = builder.key("first-key", 1).key("second-key", 1).start().await;
    let topic = topic("load.reload");
    cluster.create_topic(&topic, 1, &[]).await;

    let mut feed = Feed::start(&proxy.bootstrap(), &topic).await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic).count(TOTAL);
    let reading = tokio::spawn(async move {
        Client::Java
            .consume_all(&options.timeout(Duration::from_mins(1)))
            .await
    });
    feed.send(EACH).await;
    eventually("10,000 records are stored", PATIENCE, async || {
        end(&topic).await >= 10_000
    })
    .await;
    let decrypted = async || {
        proxy
            .metrics()
            .await
            .sum("topic_encryption_decrypted_records_total", &[])
    };
    eventually("the consumer reads", PATIENCE, async || {
        decrypted().await >= 1_000.0
    })
    .await;
    let opened = proxy
        .metrics()
        .await
        .sum("topic_encryption_connections_total", &[]);

    let before = end(&topic).await;
    let done = AtomicBool::new(false);
    let reload = async {
        proxy.apply_policy(&policy("second-key")).await;
        done.store(true, Ordering::Relaxed);
    };
    let load = async {
        while !done.load(Ordering::Relaxed) && feed.sent < EACH + MEANWHILE {
            feed.send(50).await;
            // The pace of the load, not a condition.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(reload, load);
    let sent = i64::try_from(feed.sent).unwrap();
    eventually("nothing is under way", PATIENCE, async || {
        end(&topic).await == sent
    })
    .await;
    feed.send(TOTAL - feed.sent).await;
    feed.finish().await;
    let received = reading.await.unwrap();

    assert!(
        received
            .iter()
            .map(|record| record.offset)
            .eq(0..i64::try_from(TOTAL).unwrap())
    );
    let out_of_place = (0..)
        .zip(&received)
        .find(|(index, record)| record.value.as_deref() != Some(value(*index).as_bytes()));
    assert_eq!(out_of_place, None);
    let metrics = proxy.metrics().await;
    let closed = metrics.sum("topic_encryption_connections_closed_total", &[]);
    let total = metrics.sum("topic_encryption_connections_total", &[]);
    assert_eq!((closed, total), (0.0, opened), "connections closed and opened");
    assert!(before >= 10_000 && i64::try_from(TOTAL).unwrap() - sent >= 10_000);
    let mut switched = 0;
    for stored in Segments::of(cluster.topic_dirs(&topic)).dump().await {
        let names = |key: &str| {
            let mut headers = stored.records[0].headers.iter();
            headers.any(|(_, value)| value.as_ref().is_some_and(|value| contains(value, key)))
        };
        let at = stored.base_offset;
        assert!(
            names("first-key") != names("second-key"),
            "one key at {at}: {stored:?}"
        );
        assert!(at >= before || names("first-key"), "the first key at {at}");
        assert!(at < sent || names("second-key"), "the second key at {at}");
        switched += u32::from(at >= sent);
    }
    assert!(switched > 0, "batches were written after the reload");
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_rule_leaves_its_topics_readable_and_refuses_writes() {
    let once = Once::encrypted("removed").await;
    once.is_retired_by(encrypting(Pattern::prefix("unrelated.")))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_rule_leaves_the_rest_readable_and_refuses_writes() {
    let once = Once::encrypted("narrowed").await;
    once.is_retired_by(encrypting(Pattern::prefix("narrowed.inner.")))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_policy_leaves_topics_readable_and_refuses_writes() {
    let once = Once::encrypted("emptied").await;
    once.is_retired_by(PolicyFile::new([])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_a_wider_pattern_does_not_make_a_topic_clear() {
    let once = Once::encrypted("wider").await;
    once.is_retired_by(PolicyFile::new([Rule::disabled([Pattern::any()])]))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_edited_while_the_proxy_is_down_retires_topics_too() {
    let once = Once::encrypted("asleep").await;
    assert!(once.proxy.terminate().await.success());
    once.proxy.write_policy(&PolicyFile::new([]));
    once.proxy.start().await;
    once.is_retired().await;
}

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
    let files = Cluster::shared().await.topic_dirs(&once.topic);
    let search = Segments::of(files).search(&[once.needle, clear_needle]).await;
    assert!(!search.found(0) && search.found_in(1, "value"), "{search:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_comes_back_encrypts_a_retired_topic_again() {
    let once = Once::encrypted("back").await;
    once.proxy.apply_policy(&PolicyFile::new([])).await;
    once.is_retired().await;
    once.proxy
        .apply_policy(&encrypting(Pattern::name(&once.topic)))
        .await;
    write(&once.proxy, &once.topic, &once.batch).await.unwrap();
    let batches = read(&once.proxy, &once.topic).await.unwrap();
    assert_eq!(batches, [once.batch.as_sent(), once.batch.as_sent()]);
    let files = Cluster::shared().await.topic_dirs(&once.topic);
    let search = Segments::of(files).search(&[once.needle]).await;
    assert!(!search.found(0), "{search:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_state_file_keeps_the_proxy_unready_and_nothing_passes_in_clear() {
    let once = Once::encrypted("corrupt").await;
    let state_file = once.proxy.folder().join("policy.yaml.state");
    let sound = std::fs::read_to_string(&state_file).unwrap();
    assert!(once.proxy.terminate().await.success());
    once.proxy.write_policy(&PolicyFile::new([]));
    once.proxy
        .write_file("policy.yaml.state", &sound[..sound.len() - 20]);
    let meanwhile = async {
        says_unready(&once.proxy, "policy.yaml.state").await;
        let error = once.proxy.policy().await["lastError"].clone();
        assert!(error.as_str().unwrap().contains("policy.yaml.state"), "{error}");
        let answer = write(&once.proxy, &once.topic, &once.batch).await;
        assert_eq!(answer.unwrap_err(), "NOT_ENOUGH_REPLICAS");
        assert_eq!(end(&once.topic).await, 2, "nothing is stored");
        read(&once.proxy, &once.topic).await.unwrap_err();
        once.proxy.write_file("policy.yaml.state", &sound);
    };
    tokio::join!(once.proxy.start(), meanwhile);
    once.is_retired().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_policy_file_changes_nothing_and_says_so_until_it_is_good_again() {
    let once = Once::encrypted("bad").await;
    let hash = once.proxy.policy().await["hash"].clone();
    once.proxy.write_file(
        "policy.yaml",
        "rules: [{topics: [{prefix: bad.}], kee: {name: reload}}]",
    );
    let complains = async || match once.proxy.policy().await["lastError"].as_str() {
        Some(error) if error.contains("kee") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the mistake is told", PATIENCE, complains).await;
    assert_eq!(once.proxy.policy().await["hash"], hash);
    let metrics = once.proxy.metrics().await;
    let failed = [("outcome", "failed")];
    assert_eq!(metrics.sum("topic_encryption_policy_reloads_total", &failed), 1.0);
    assert_eq!(metrics.sum("topic_encryption_policy_current", &[]), 0.0);
    let log = once.proxy.log();
    let told = log
        .lines()
        .filter(|line| line.contains("policy not loaded") && line.contains("kee"));
    assert_eq!(told.count(), 1, "the log tells it once");
    assert_eq!(once.proxy.get("/readyz").await.unwrap().status, 200);
    write(&once.proxy, &once.topic, &once.batch).await.unwrap();
    let search = Segments::of(Cluster::shared().await.topic_dirs(&once.topic))
        .search(&[&once.needle])
        .await;
    assert!(
        !search.found(0) && search.records >= 4,
        "still encrypted: {search:?}"
    );

    let good = encrypting(Pattern::prefix("bad.")).rule(Rule::encrypt([Pattern::name("more")], "reload"));
    once.proxy.apply_policy(&good).await;
    assert_eq!(once.proxy.policy().await["lastError"], Value::Null);
    assert_eq!(
        once.proxy
            .metrics()
            .await
            .sum("topic_encryption_policy_current", &[]),
        1.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_file_that_vanishes_changes_nothing_and_says_so() {
    let once = Once::encrypted("vanished").await;
    std::fs::remove_file(once.proxy.folder().join("policy.yaml")).unwrap();
    let complains = async || once.proxy.policy().await["lastError"].is_string();
    eventually("the loss is told", PATIENCE, complains).await;
    write(&once.proxy, &once.topic, &once.batch).await.unwrap();
    let batches = read(&once.proxy, &once.topic).await.unwrap();
    assert_eq!(batches, [once.batch.as_sent(), once.batch.as_sent()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_without_a_policy_waits_for_one_and_lets_nothing_pass() {
    let proxy = Proxy::before(Cluster::shared().await)
        .key("reload", 1)
        .launch()
        .await;
    recovers(&proxy, "policy.yaml").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_with_an_invalid_policy_waits_for_a_valid_one_and_lets_nothing_pass() {
    let invalid = PolicyFile::new([Rule::disabled([Pattern::prefix("waiting.")]).field("kee", 1)]);
    let proxy = Proxy::before(Cluster::shared().await)
        .policy(invalid)
        .key("reload", 1)
        .launch()
        .await;
    recovers(&proxy, "kee").await;
}

async fn recovers(proxy: &Proxy, reason: &str) {
    let topic = topic("waiting.policy");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    says_unready(proxy, reason).await;
    assert_eq!(
        write(proxy, &topic, &batch("early")).await.unwrap_err(),
        "NOT_ENOUGH_REPLICAS"
    );
    assert_eq!(end(&topic).await, 0);
    proxy.write_policy(&encrypting(Pattern::prefix("waiting.")));
    proxy.wait_ready().await;
    write(proxy, &topic, &batch("in time")).await.unwrap();
    assert_eq!(read(proxy, &topic).await.unwrap(), [batch("in time").as_sent()]);
}

async fn says_unready(proxy: &Proxy, reason: &str) {
    let says = async || match proxy.get("/readyz").await {
        Ok(answer) if answer.status == 503 && answer.body.contains(reason) => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok(
        &format!("the proxy is not ready because of {reason}"),
        PATIENCE,
        says,
    )
    .await;
    assert!(proxy.runs());
}
