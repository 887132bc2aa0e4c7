//! A compacted topic as a database, kept as schema registries keep theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command};
use std::time::Duration;

use serde_json::{Value, json};
use tests::process::Process;
use tests::{Rig, Scratch, Segments, canary, eventually_ok, topic};
use tokio::task::block_in_place;

use crate::stage::Stage;

/// Under these the cleaner has work at once, and tombstones go soon.
const CLEANED: [&str; 4] =
    ["segment.ms=500", "segment.bytes=1048576", "min.cleanable.dirty.ratio=0.001", "delete.retention.ms=1"];
const PATIENCE: Duration = Duration::from_mins(1);
const SUBJECTS: usize = 12;
/// Subjects below this one are deleted in the end.
const DELETED: usize = 4;
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_reads_the_same_map_from_its_compacted_topic_however_often_it_starts_anew() {
    let stage = Stage::shared().await;
    let (topic, secret) = (topic("schemas"), canary("schema"));
    let mut writer = Registry::start(&stage, &topic).await;
    let mut reader = Registry::start(&stage, &topic).await;
    let mut expected = BTreeMap::new();
    let mut last = Value::Null;
    for (round, subject) in (0..ROUNDS).flat_map(|round| (0..SUBJECTS).map(move |subject| (round, subject))) {
        let value = json!({"id": round, "schema": secret}).to_string();
        last = writer.ask(&json!(["put", key(subject), value]))["offset"].clone();
        expected.insert(key(subject), value);
    }
    assert_eq!(writer.map(), expected);
    reader.ask(&json!(["follow", last]));
    assert_eq!(reader.map(), expected);
    for subject in 0..DELETED {
        last = writer.ask(&json!(["delete", key(subject)]))["offset"].clone();
        expected.remove(&key(subject));
    }
    assert_eq!(writer.map(), expected);
    wait_for_cleaner(&stage, &topic, &mut writer).await;
    reader.ask(&json!(["follow", last]));
    assert_eq!(reader.map(), expected);
    drop((writer, reader));
    let mut anew = Registry::start(&stage, &topic).await;
    assert_eq!(anew.map(), expected);
    let read = anew.ask(&json!(["all"]))["read"].as_u64().unwrap();
    assert!(read < (SUBJECTS * ROUNDS) as u64, "{read} records were read: nothing is compacted");
    stage.is_illegible(&topic, &secret).await;
}

fn key(subject: usize) -> String {
    format!(r#"{{"keytype":"SCHEMA","subject":"orders-{subject}-value","version":1}}"#)
}

/// Goes on with records that say nothing, so that segments are closed, until each key is there once, and deleted ones are not.
async fn wait_for_cleaner(stage: &Stage, topic: &str, writer: &mut Registry) {
    let clean = async || {
        writer.ask(&json!(["noop"]));
        let mut stored = Segments::of(stage.cluster.topic_dirs(topic)).dump().await;
        // Others are being written by the cleaner, or wait for their deletion.
        stored.retain(|batch| {
            Path::new(batch.fields["file"].as_str().unwrap()).extension() == Some(OsStr::new("log"))
        });
        let keys = stored.into_iter().flat_map(|batch| batch.records).filter_map(|record| record.key);
        let keys: Vec<String> = keys.map(|key| String::from_utf8(key).unwrap()).collect();
        let keys: Vec<&String> = keys.iter().filter(|key| key.contains("SCHEMA")).collect();
        let different: BTreeSet<_> = keys.iter().collect();
        let live = SUBJECTS - DELETED;
        if keys.len() == live && different.len() == live { Ok(()) } else { Err(format!("{keys:?}")) }
    };
    eventually_ok("the cleaner leaves one value a key", PATIENCE, clean).await;
}

/// One process of it. Dropped, it is killed.
struct Registry {
    process: Process,
    input: ChildStdin,
    lines: BufReader<ChildStdout>,
    _folder: Scratch,
}

impl Registry {
    /// Starts one and waits until it has read the topic to its end.
    async fn start(stage: &Stage, topic: &str) -> Self {
        let (rig, folder) = (Rig::ready().await, Scratch::new("registry"));
        let mut command = Command::new(rig.part("PYTHON"));
        command.arg(rig.part("PYTHON_REGISTRY")).args([&stage.proxy.bootstrap(), topic]).args(CLEANED);
        let log = folder.join("registry.log");
        let (process, input, output) = Process::start_piped("registry", command, &log).unwrap();
        let mut registry = Self { process, input, lines: BufReader::new(output), _folder: folder };
        assert!(registry.line()["ready"].as_u64().is_some_and(|read| read > 0));
        registry
    }

    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.input, "{command}")
            .unwrap_or_else(|error| panic!("{error}\n{}", self.process.log_tail(20)));
        self.line()
    }

    fn map(&mut self) -> BTreeMap<String, String> {
        serde_json::from_value(self.ask(&json!(["all"]))["map"].take()).unwrap()
    }

    /// The program gives up by itself where an answer takes too long.
    fn line(&mut self) -> Value {
        let mut line = String::new();
        block_in_place(|| self.lines.read_line(&mut line)).unwrap();
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error} in {line:?}\n{}", self.process.log_tail(20)))
    }
}
