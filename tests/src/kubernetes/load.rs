//! Clients that write and read through the proxies while something changes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::stage::Stage;
use crate::client::{Client, Feed, json};
use crate::eventually::eventually_ok;
use crate::failure;
use crate::kafka_error::KafkaErrorName;
use crate::network;
use crate::process::Process;
use crate::rig::Rig;
use crate::scratch::Scratch;

/// So many records at once, and the time between: enough for some records in every moment, and little work.
const RECORDS: usize = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// Records that show that the load goes on.
const PROGRESS: usize = 100;
/// How long a change may keep clients waiting, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// What librdkafka says when a connection ends that it then makes anew. No record suffers by it.
const RECONNECTS: [&str; 2] = ["_TRANSPORT", "_ALL_BROKERS_DOWN"];

/// An idempotent producer that awaits all replicas, and a consumer that compares each record as it comes.
#[derive(Debug)]
pub struct Load {
    stop: oneshot::Sender<()>,
    writer: JoinHandle<Feed>,
    reader: Process,
    seen: Arc<Mutex<Seen>>,
    _folder: Scratch,
}

/// What the consumer got so far.
#[derive(Debug, Default)]
struct Seen {
    records: usize,
    /// The first line that is not the next record.
    wrong: Option<String>,
    errors: Vec<KafkaErrorName>,
}

impl Stage {
    /// Writes to the topic's first partition, and reads it, through the proxies' listener with TLS. The load is under way
    /// when this returns.
    pub async fn load(&self, topic: &str) -> Load {
        Load::start(&self.bootstrap(), topic, &self.tls(Client::Librdkafka).await).await
    }
}

impl Load {
    /// The same for any address, with these properties of librdkafka.
    pub async fn start(bootstrap: &str, topic: &str, properties: &[(String, String)]) -> Self {
        let folder = Scratch::new("load");
        let (mut reader, output) = reader(bootstrap, topic, properties, &folder).await;
        let seen = Arc::<Mutex<Seen>>::default();
        tokio::spawn(read(output, Arc::clone(&seen)));
        let feed = Feed::start(bootstrap, topic, properties).await;
        let (stop, stopped) = oneshot::channel();
        let writer = tokio::spawn(write(feed, stopped));
        assert!(reader.ended().is_none(), "the consumer ended at once");
        let load = Self { stop, writer, reader, seen, _folder: folder };
        load.goes_on("from the start").await;
        load
    }

    /// Waits until records that are written from now on have come back.
    pub async fn goes_on(&self, when: &str) {
        let from = self.seen(|seen| seen.records);
        self.reaches(from + PROGRESS, when).await;
    }

    /// Ends the load, once it has gone on for a while. Every record must have been acknowledged and have come back once and
    /// in its order, without an error that a client does not hide by itself. Tells how many records there were, and what
    /// librdkafka said of connections that ended.
    pub async fn finish(mut self) -> (usize, Vec<KafkaErrorName>) {
        self.goes_on("to the end").await;
        drop(self.stop);
        let feed = self.writer.await.expect("the load is written to its end");
        let sent = feed.sent();
        feed.finish().await;
        let seen = Arc::clone(&self.seen);
        wait(&seen, sent, "all that was written").await;
        self.reader.kill();
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let errors = seen.errors.clone();
        assert!(errors.iter().all(|error| RECONNECTS.contains(&error.as_str())), "{errors:?}");
        assert_eq!((&seen.wrong, seen.records), (&None, sent), "what came back, of {sent} records");
        (sent, errors)
    }

    async fn reaches(&self, records: usize, when: &str) {
        wait(&self.seen, records, when).await;
    }

    fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn wait(seen: &Mutex<Seen>, records: usize, when: &str) {
    let probe = async || {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &seen.wrong {
            Some(wrong) => panic!("{when}: not record {}: {wrong}", seen.records),
            None if seen.records >= records => Ok(()),
            None => Err(format!("{} came back, errors {:?}", seen.records, seen.errors)),
        }
    };
    eventually_ok(&format!("{when}: {records} records"), PATIENCE, probe).await;
}

async fn write(mut feed: Feed, mut stopped: oneshot::Receiver<()>) -> Feed {
    while matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
        feed.send(RECORDS).await;
        // The pace of the load, not a condition.
        tokio::time::sleep(PAUSE).await;
    }
    feed
}

async fn reader(
    bootstrap: &str,
    topic: &str,
    properties: &[(String, String)],
    folder: &Scratch,
) -> (Process, ChildStdout) {
    let log = folder.join("consumer.log");
    failure::show_when_a_test_fails(&log);
    let mut command = network::command(Rig::ready().await.part("LIBRDKAFKA_CLIENT"));
    command.args(["consume", "--bootstrap", bootstrap, "--topic", topic, "--partition", "0"]);
    // It is ended when it has read all, however many that are.
    command.args(["--count", "1000000000", "--timeout-ms", "1000000000"]);
    command.args(["--property", "reconnect.backoff.max.ms=500"]);
    for (name, value) in properties {
        command.args(["--property", &format!("{name}={value}")]);
    }
    let started = Process::start_piped("the consumer", command, &log).expect("the client starts");
    let (process, _input, output) = started;
    (process, ChildStdout::from_std(output).expect("its output is a pipe"))
}

async fn read(output: ChildStdout, seen: Arc<Mutex<Seen>>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let value: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(error) = value["error"].as_str() {
            seen.errors.push(KafkaErrorName::new(error));
        } else if is_record(&value, seen.records) {
            seen.records += 1;
        } else {
            seen.wrong.get_or_insert(line);
        }
    }
}

fn is_record(line: &Value, index: usize) -> bool {
    let value = Feed::value(index);
    line["offset"] == index && json::to_bytes(&line["value"]).as_deref() == Some(value.as_bytes())
}
