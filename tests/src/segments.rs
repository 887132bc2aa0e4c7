//! What brokers have on disk, read by Kafka's own record classes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::client::{Client, Outcome, json};
use crate::record::Header;

const LIMIT: Duration = Duration::from_mins(1);

/// Folders and files of brokers. A running broker may go on writing.
#[derive(Debug, Clone)]
pub struct Segments {
    paths: Vec<PathBuf>,
}

/// Where needles were found, and what was searched.
#[derive(Debug, Clone)]
pub struct Search {
    /// For each needle, in the order given, some of the places where it was found.
    pub places: Vec<Vec<String>>,
    /// How many batches had each codec.
    pub batches: BTreeMap<String, u64>,
    /// Records that were looked at one by one.
    pub records: u64,
    /// Batches and files that Kafka's own classes could not read.
    pub invalid: u64,
    /// Bytes that were searched as they are.
    pub bytes: u64,
}

/// A batch on disk.
#[derive(Debug, Clone)]
pub struct StoredBatch {
    /// First offset.
    pub base_offset: i64,
    /// Last offset, which need not belong to a record any more.
    pub last_offset: i64,
    /// The codec's name.
    pub codec: String,
    /// Bytes on disk.
    pub size: i64,
    /// The records as they are on disk.
    pub records: Vec<StoredRecord>,
    /// All that the reader tells, by its names.
    pub fields: Value,
}

/// A record on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<Header>,
}

impl Segments {
    /// Below these folders, such as those of a topic's partitions.
    pub fn of(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        assert!(!paths.is_empty(), "there is nothing to read");
        Self { paths }
    }

    /// Looks for byte strings in all files as they are and in all batches, decompressed.
    pub async fn search(&self, needles: &[impl AsRef<[u8]>]) -> Search {
        let objects = needles.iter().map(|needle| json::from_bytes(Some(needle.as_ref()))).collect();
        let lines = self.run("search", &[], objects).await.lines;
        let (totals, found) = lines.split_last().expect("the totals come last");
        let place = |place: &Value| place.as_str().expect("a place is text").to_owned();
        let places =
            found.iter().map(|line| line["where"].as_array().into_iter().flatten().map(place).collect());
        let totals = &totals["totals"];
        let number =
            |field: &str| totals[field].as_u64().unwrap_or_else(|| panic!("{field} is missing in {totals}"));
        let batches = totals["batches"].as_object().into_iter().flatten();
        let search = Search {
            places: places.collect(),
            batches: batches.map(|(codec, count)| (codec.clone(), count.as_u64().unwrap_or(0))).collect(),
            records: number("records"),
            invalid: number("invalid"),
            bytes: number("bytes"),
        };
        assert_eq!(search.places.len(), needles.len(), "each needle has an answer");
        search
    }

    /// All batches with their records.
    pub async fn dump(&self) -> Vec<StoredBatch> {
        let lines = self.run("dump", &["--records"], Vec::new()).await.lines;
        lines.into_iter().map(batch).collect()
    }

    /// The same by offset, of the segments of a partition that are in force: others are being written by the cleaner, or wait for
    /// their deletion.
    pub async fn in_force(&self) -> Vec<StoredBatch> {
        let mut batches = self.dump().await;
        batches.retain(|batch| {
            let file = batch.fields["file"].as_str().expect("each batch has a file");
            Path::new(file).extension() == Some(OsStr::new("log"))
        });
        batches.sort_by_key(|batch| batch.base_offset);
        batches
    }

    async fn run(&self, action: &str, options: &[&str], needles: Vec<Value>) -> Outcome {
        let words = std::iter::once(action).chain(options.iter().copied()).map(str::to_owned);
        let paths = self.paths.iter().map(|path| path.to_str().expect("the paths are our own").to_owned());
        let outcome =
            Client::Java.command("segments", words.chain(paths).collect(), ("needles", needles), LIMIT).await;
        assert!(outcome.code == 0, "the segments could not be read: {outcome}");
        outcome
    }
}

impl Search {
    /// Whether the n-th needle was found anywhere.
    pub fn found(&self, needle: usize) -> bool {
        !self.places[needle].is_empty()
    }

    /// Whether the n-th needle was found in a place whose description contains `what`, such as `raw` or `value`.
    pub fn found_in(&self, needle: usize, what: &str) -> bool {
        self.places[needle].iter().any(|place| place.contains(what))
    }
}

impl StoredBatch {
    /// Whether the cleaner has taken records out of it, whose offsets stay.
    pub fn is_cleaned(&self) -> bool {
        let span = usize::try_from(self.last_offset - self.base_offset + 1);
        self.fields["valid"] == true && span.is_ok_and(|span| self.records.len() < span)
    }
}

fn batch(fields: Value) -> StoredBatch {
    assert!(fields.get("error").is_none(), "Kafka cannot read this: {fields}");
    let records = fields["records"].as_array().into_iter().flatten().map(|record| StoredRecord {
        offset: json::number(record, "offset"),
        timestamp: json::number(record, "timestamp"),
        key: json::to_bytes(&record["key"]),
        value: json::to_bytes(&record["value"]),
        headers: json::to_headers(&record["headers"]),
    });
    StoredBatch {
        base_offset: json::number(&fields, "baseOffset"),
        last_offset: json::number(&fields, "lastOffset"),
        codec: fields["codec"].as_str().unwrap_or_default().to_owned(),
        size: json::number(&fields, "sizeInBytes"),
        records: records.collect(),
        fields,
    }
}
