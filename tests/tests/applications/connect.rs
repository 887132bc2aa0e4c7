//! Kafka Connect in distributed mode: what its workers tell each other lies in topics of their own, which are compacted.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tests::ports::Ports;
use tests::{Client, ConsumeOptions, Scratch, canary, eventually_ok, topic};

use crate::application::Application;
use crate::stage::Stage;

const PATIENCE: Duration = Duration::from_mins(2);
const SOURCE: &str = "source";
const SINK: &str = "sink";

#[tokio::test(flavor = "multi_thread")]
async fn connect_copies_files_though_the_worker_at_work_is_killed() {
    let stage = Stage::shared().await;
    let mut connect = Connect::new(&stage).await;
    let (first, second) = tokio::join!(connect.worker(0), connect.worker(1));
    let mut workers = [Some(first), Some(second)];
    connect.write(200);
    let file = |name: &str| json!({"connector.class": name, "tasks.max": "1", "note": connect.needle});
    let mut source = file("FileStreamSource");
    source["file"] = json!(connect.from);
    source["topic"] = json!(connect.topic);
    let mut sink = file("FileStreamSink");
    sink["file"] = json!(connect.to);
    sink["topics"] = json!(connect.topic);
    connect.put(SOURCE, &source, &mut workers).await;
    connect.put(SINK, &sink, &mut workers).await;
    connect.has_copied(&mut workers).await;
    let at_work = connect.worker_of(SOURCE, &mut workers).await;
    workers[at_work].take().unwrap().kill();
    connect.write(100);
    connect.has_copied(&mut workers).await;
    assert_eq!(connect.worker_of(SOURCE, &mut workers).await, 1 - at_work);
    connect.each_line_came_once().await;
    for internal in connect.internal() {
        let policy = stage.cluster.topic_config(&internal, "cleanup.policy").await;
        assert_eq!(policy.as_deref(), Some("compact"), "{internal}");
        stage.is_sealed(&internal).await;
        stage.is_illegible(&internal, &connect.needle).await;
    }
    stage.is_illegible(&connect.topic, &connect.needle).await;
}

/// Two workers, and the files that they copy.
struct Connect<'a> {
    stage: &'a Stage,
    group: String,
    topic: String,
    /// In each line and in the connectors' configuration.
    needle: String,
    from: PathBuf,
    to: PathBuf,
    lines: usize,
    ports: Ports,
    http: reqwest::Client,
    folder: Scratch,
}

type Workers = [Option<Application>; 2];

impl<'a> Connect<'a> {
    async fn new(stage: &'a Stage) -> Self {
        let (folder, topic) = (Scratch::new("connect"), topic("copied"));
        stage.cluster.create_topic(&topic, 1, &[]).await;
        Self {
            stage,
            group: tests::topic("connect"),
            topic,
            needle: canary("connect"),
            from: folder.join("from.txt"),
            to: folder.join("to.txt"),
            lines: 0,
            ports: Ports::take(2),
            http: reqwest::Client::new(),
            folder,
        }
    }

    fn internal(&self) -> [String; 3] {
        ["config", "offset", "status"].map(|what| format!("{}-{what}", self.group))
    }

    async fn worker(&self, number: usize) -> Application {
        let mut properties = format!(
            "bootstrap.servers={}\ngroup.id={}\nlisteners=http://127.0.0.1:{}\n",
            self.stage.proxy.bootstrap(),
            self.group,
            self.ports.port(number),
        );
        for (what, topic) in ["config", "offset", "status"].iter().zip(self.internal()) {
            write!(properties, "{what}.storage.topic={topic}\n{what}.storage.replication.factor=1\n")
                .unwrap();
        }
        properties += "offset.storage.partitions=2\nstatus.storage.partitions=2\n\
            key.converter=org.apache.kafka.connect.storage.StringConverter\n\
            value.converter=org.apache.kafka.connect.storage.StringConverter\n\
            plugin.discovery=service_load\n\
            exactly.once.source.support=enabled\nconsumer.isolation.level=read_committed\n\
            offset.flush.interval.ms=500\nscheduled.rebalance.max.delay.ms=0\n\
            session.timeout.ms=6000\nheartbeat.interval.ms=1000\n\
            consumer.session.timeout.ms=6000\n";
        let (name, file) =
            (format!("worker-{number}"), self.folder.join(format!("worker-{number}.properties")));
        fs::write(&file, properties).unwrap();
        Application::start("connect", &name, &[file.to_str().unwrap()], &self.folder).await
    }

    /// More lines at the end of the file that the source reads.
    fn write(&mut self, lines: usize) {
        let mut file = fs::File::options().create(true).append(true).open(&self.from).unwrap();
        for line in self.lines..self.lines + lines {
            writeln!(file, "{}", self.line(line)).unwrap();
        }
        self.lines += lines;
    }

    fn line(&self, number: usize) -> String {
        format!("line {number} {}", self.needle)
    }

    fn expected(&self) -> Vec<String> {
        (0..self.lines).map(|line| self.line(line)).collect()
    }

    async fn put(&self, connector: &str, config: &Value, workers: &mut Workers) {
        let taken = async |address: String| {
            let url = format!("http://{address}/connectors/{connector}/config");
            let answer = self.http.put(url).json(config).send().await;
            let answer = answer.and_then(reqwest::Response::error_for_status);
            answer.map(drop).map_err(|error| error.to_string())
        };
        self.ask(&format!("{connector} is configured"), workers, taken).await;
    }

    /// The number of the worker that has the connector's task.
    async fn worker_of(&self, connector: &str, workers: &mut Workers) -> usize {
        let found = async |address: String| {
            let url = format!("http://{address}/connectors/{connector}/status");
            let answer = self.http.get(url).send().await.map_err(|error| error.to_string())?;
            let status: Value = answer.json().await.map_err(|error| error.to_string())?;
            let task = &status["tasks"][0];
            let place = (0..2).find(|place| task["worker_id"] == self.address(*place));
            place.filter(|_| task["state"] == "RUNNING").ok_or_else(|| status.to_string())
        };
        self.ask(&format!("{connector} has a worker"), workers, found).await
    }

    fn address(&self, number: usize) -> String {
        format!("127.0.0.1:{}", self.ports.port(number))
    }

    /// Asks the first worker that lives until it gives what is wanted.
    async fn ask<T>(
        &self,
        what: &str,
        workers: &mut Workers,
        question: impl AsyncFn(String) -> Result<T, String>,
    ) -> T {
        let ask = async || {
            let first =
                workers.iter_mut().enumerate().find_map(|(place, worker)| Some((place, worker.as_mut()?)));
            let (place, worker) = first.expect("one lives");
            worker.is_running();
            question(self.address(place)).await
        };
        eventually_ok(what, PATIENCE, ask).await
    }

    /// Waits until the sink's file has each line. Sinks may write a line again where a worker died.
    async fn has_copied(&self, workers: &mut Workers) {
        let expected = self.expected();
        let copied = async || {
            workers.iter_mut().flatten().for_each(Application::is_running);
            let text = fs::read_to_string(&self.to).unwrap_or_default();
            let mut distinct: Vec<&str> = Vec::new();
            for line in text.lines() {
                if !distinct.contains(&line) {
                    distinct.push(line);
                }
            }
            if distinct == expected {
                Ok(())
            } else {
                Err(format!("{} of {}", distinct.len(), expected.len()))
            }
        };
        eventually_ok("the sink has written all lines", PATIENCE, copied).await;
    }

    /// The source writes in transactions, with its place in the file.
    async fn each_line_came_once(&self) {
        let options = ConsumeOptions::from(self.stage.proxy.bootstrap(), &self.topic).read_committed();
        let records = Client::Java.consume_all(&options).await;
        let lines: Vec<String> =
            records.into_iter().map(|record| String::from_utf8(record.value.unwrap()).unwrap()).collect();
        assert_eq!(lines, self.expected());
    }
}
