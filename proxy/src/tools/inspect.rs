//! `inspect`: what stored records are protected with, told without any key.

use super::content::Content;
use super::look::Looker;
use super::progress::Progress;
use super::report::{Table, format_name, row};
use super::segments::{SegmentError, Segments};
use super::tally::{Row, Tally};
use super::{Log, Versions};
use crate::client::{ClientError, Cluster, Isolation, Place};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// What was found in each partition.
#[derive(Debug)]
pub(crate) struct Inspection {
    partitions: BTreeMap<Arc<Place>, Tally>,
    /// Ranges that are listed for a partition.
    max_ranges: usize,
}

/// Looks into files.
pub(crate) fn segments(
    mut segments: Segments,
    versions: Versions,
    max_ranges: usize,
    progress: &mut Progress,
) -> Result<Inspection, SegmentError> {
    let mut looker = Looker::new(versions, true);
    let mut found = Inspection::new(max_ranges);
    while let Some(piece) = segments.next()? {
        found.tally(&piece.place).take(&piece, &mut looker);
        progress.at(segments.progress().0, &piece.place);
    }
    Ok(found)
}

/// Looks into partitions.
pub(crate) async fn partitions(
    cluster: &mut Cluster,
    places: Vec<Arc<Place>>,
    versions: Versions,
    max_ranges: usize,
    progress: &mut Progress,
) -> Result<Inspection, ClientError> {
    let mut looker = Looker::new(versions, true);
    let mut found = Inspection::new(max_ranges);
    for place in places {
        let mut log = Log::open(cluster, Arc::clone(&place), Isolation::Uncommitted, None).await?;
        let tally = found.tally(&place);
        while let Some(piece) = log.next(cluster).await? {
            tally.take(&piece, &mut looker);
        }
        progress.add(1, &place);
    }
    Ok(found)
}

impl Inspection {
    fn new(max_ranges: usize) -> Self {
        Self { partitions: BTreeMap::new(), max_ranges }
    }

    fn tally(&mut self, place: &Arc<Place>) -> &mut Tally {
        let max_ranges = self.max_ranges;
        self.partitions.entry(Arc::clone(place)).or_insert_with(|| Tally::new(max_ranges))
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let partitions = self.partitions.iter().map(|(place, tally)| {
            json!({
                "topic": place.topic,
                "partition": place.partition,
                "batches": tally.batches(),
                "abortedRecords": tally.transactions().aborted(),
                "openTransactionRecords": tally.transactions().open(),
                "truncatedBytes": tally.truncated(),
                "uncountedRecords": tally.beyond(),
                "contents": tally.rows().iter().map(row).collect::<Vec<_>>(),
                "ranges": tally.ranges().map(|range| row(&range)).collect::<Vec<_>>(),
                "rangesEndAt": tally.ranges_end(),
            })
        });
        json!({ "partitions": partitions.collect::<Vec<_>>() })
    }

    /// For people.
    pub(crate) fn to_table(&self) -> String {
        let mut table = Table::new(&[
            "PARTITION",
            "CONTENT",
            "FORMAT",
            "DATA KEY",
            "RECORDS",
            "FIRST OFFSET",
            "LAST OFFSET",
        ]);
        let mut notes = String::new();
        for (place, tally) in &self.partitions {
            for row in rows(tally) {
                let (format, data_key) = match &row.content {
                    Content::Sealed(protection) => {
                        (format_name(protection.format), protection.data_key.as_deref().unwrap_or("-"))
                    }
                    _ => ("-", "-"),
                };
                table.row([
                    place.to_string(),
                    row.content.to_string(),
                    format.to_owned(),
                    data_key.to_owned(),
                    row.records.to_string(),
                    row.first_offset.to_string(),
                    row.last_offset.to_string(),
                ]);
            }
            if tally.ranges_end().is_some() {
                let _ = writeln!(
                    notes,
                    "{place}: contents change too often to list all ranges; each is told with its first and last offset"
                );
            }
            if tally.truncated() > 0 {
                let bytes = tally.truncated();
                let _ = writeln!(
                    notes,
                    "{place}: {bytes} bytes at the end of a file are no whole batch: a live segment, or a preallocated one"
                );
            }
            if tally.beyond() > 0 {
                let records = tally.beyond();
                let _ = writeln!(notes, "{place}: {records} records more, with too many data keys to list");
            }
        }
        table.text() + &notes
    }
}

/// Ranges where they are all there, else totals, which then say more than the beginning of a long list. What is in no range comes
/// last.
fn rows(tally: &Tally) -> Vec<Row> {
    if tally.ranges_end().is_some() {
        return tally.rows().to_vec();
    }
    let is_quiet = |content: &Content| matches!(content, Content::Null | Content::Control);
    tally.ranges().chain(tally.rows().iter().filter(|row| is_quiet(&row.content)).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::content::Run;
    use super::*;

    /// Clear records with damage between them, a null value, and clear ones again.
    fn inspection(max_ranges: usize) -> Inspection {
        let mut found = Inspection::new(max_ranges);
        let tally = found.tally(&Arc::new(Place { topic: "t".into(), partition: 0 }));
        let damaged = || Content::Damaged(super::super::content::Damage::Checksum);
        for (content, first, last) in [
            (Content::Clear, 0, 9),
            (damaged(), 10, 10),
            (Content::Clear, 11, 14),
            (Content::Null, 15, 15),
            (Content::Clear, 16, 19),
        ] {
            let records = u64::try_from(last - first + 1).unwrap();
            tally.add(Run { content, records, first, last });
        }
        found
    }

    /// Records, first and last offset.
    fn offsets(rows: &Value) -> Vec<[u64; 3]> {
        let numbers =
            |row: &Value| ["records", "firstOffset", "lastOffset"].map(|field| row[field].as_u64().unwrap());
        rows.as_array().unwrap().iter().map(numbers).collect()
    }

    #[test]
    fn ranges_tell_where_each_content_is() {
        let found = inspection(10);
        let partition = &found.to_json()["partitions"][0];
        assert_eq!(offsets(&partition["ranges"]), [[10, 0, 9], [1, 10, 10], [8, 11, 19]]);
        assert_eq!(partition["rangesEndAt"], Value::Null);
        assert_eq!(offsets(&partition["contents"]), [[18, 0, 19], [1, 10, 10], [1, 15, 15]]);
        let table = found.to_table();
        let clear: Vec<_> = table.lines().filter(|line| line.contains("IN CLEAR")).collect();
        assert!(clear.len() == 2 && clear[1].ends_with("19") && clear[0].ends_with('9'), "{table}");
        assert!(table.contains("null values"), "{table}");
    }

    #[test]
    fn beyond_the_ranges_there_are_totals() {
        let found = inspection(1);
        let partition = &found.to_json()["partitions"][0];
        assert_eq!(offsets(&partition["ranges"]), [[10, 0, 9]]);
        assert_eq!(partition["rangesEndAt"], 10);
        let table = found.to_table();
        assert_eq!(table.lines().filter(|line| line.contains("IN CLEAR")).count(), 1, "{table}");
        assert!(table.contains("change too often"), "{table}");
    }
}
