//! `inspect`: what stored records are protected with, told without any key.

use super::content::Content;
use super::look::Looker;
use super::progress::Progress;
use super::report::{Table, format_name, row};
use super::segments::{SegmentError, Segments};
use super::tally::Tally;
use super::{Log, Versions};
use crate::client::{ClientError, Cluster, Isolation, Place};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// What was found in each partition.
#[derive(Debug, Default)]
pub(crate) struct Inspection(BTreeMap<Arc<Place>, Tally>);

/// Looks into files.
pub(crate) fn segments(
    mut segments: Segments,
    versions: Versions,
    progress: &mut Progress,
) -> Result<Inspection, SegmentError> {
    let mut looker = Looker::new(versions, true);
    let mut found = Inspection::default();
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
    progress: &mut Progress,
) -> Result<Inspection, ClientError> {
    let mut looker = Looker::new(versions, true);
    let mut found = Inspection::default();
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
    fn tally(&mut self, place: &Arc<Place>) -> &mut Tally {
        // Data keys change often, so ranges would say no more than the rows do.
        self.0.entry(Arc::clone(place)).or_insert_with(|| Tally::new(0))
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let partitions = self.0.iter().map(|(place, tally)| {
            json!({
                "topic": place.topic,
                "partition": place.partition,
                "batches": tally.batches(),
                "abortedRecords": tally.transactions().aborted(),
                "openTransactionRecords": tally.transactions().open(),
                "truncatedBytes": tally.truncated(),
                "uncountedRecords": tally.beyond(),
                "contents": tally.rows().iter().map(row).collect::<Vec<_>>(),
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
        for (place, tally) in &self.0 {
            for row in tally.rows() {
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
