//! An audit in words.

use super::super::content::Content;
use super::super::report::{Table, row};
use super::super::tally::Row;
use super::{Answer, Asked, Audit, Audited, Rejection, Verdict};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// Partitions that a sentence of the table names at most.
const NAMED: usize = 50;

impl Audit {
    /// For programs.
    pub(crate) fn to_json(&self, question: Option<(&Asked, &Verdict)>) -> Value {
        json!({
            "scope": self.scope(),
            "sample": if self.every > 1 { json!({ "oneIn": self.every }) } else { Value::Null },
            "clean": self.is_clean(),
            "doubts": self.doubts,
            "canDestroy": question.map(|(question, verdict)| asked(question, verdict)),
            "topics": self.rejections.iter().map(Rejection::to_json).collect::<Vec<_>>(),
            "partitions": self.partitions.iter().map(partition).collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub(crate) fn to_table(&self, question: Option<(&Asked, &Verdict)>) -> String {
        let mut table = Table::new(&["PARTITION", "KEY", "RECORDS", "FIRST OFFSET", "LAST OFFSET"]);
        let mut notes = String::new();
        for audited in &self.partitions {
            let place = audited.place().to_string();
            let rows: Vec<Row> = if audited.tally.ranges_end().is_none() {
                audited.tally.ranges().collect()
            } else {
                // Totals then say more than the beginning of a long list.
                let _ = writeln!(
                    notes,
                    "{place}: keys change too often to list all ranges; each key is told with its first and last offset"
                );
                let is_quiet = |content: &Content| matches!(content, Content::Null | Content::Control);
                audited.tally.rows().iter().filter(|row| !is_quiet(&row.content)).cloned().collect()
            };
            for row in rows {
                table.row([
                    place.clone(),
                    row.content.to_string(),
                    row.records.to_string(),
                    row.first_offset.to_string(),
                    row.last_offset.to_string(),
                ]);
            }
            notes.push_str(&transactions(audited, &place));
        }
        let mut text = table.text() + &notes;
        let clear: u64 = self.count(|content| *content == Content::Clear);
        let sealed: u64 = self.count(|content| matches!(content, Content::Sealed(_)));
        let damaged = self.partitions.iter().filter(|audited| audited.has_damage()).count();
        let partitions = self.partitions.len();
        let _ = writeln!(
            text,
            "{}: {partitions} partitions, {sealed} records sealed, {clear} in clear, {damaged} partitions with damage",
            self.scope()
        );
        let legacy: u64 = self.count(|content| matches!(content, Content::Legacy(_)));
        if legacy > 0 {
            let _ = writeln!(text, "{legacy} records were encrypted by an earlier program");
        }
        if self.every > 1 {
            let _ = writeln!(
                text,
                "A sample: one part in {} was read. What was not seen may be there.",
                self.every
            );
        }
        if question.is_none() {
            for doubt in &self.doubts {
                let _ = writeln!(text, "{doubt}");
            }
        }
        text.push_str(&rejections(&self.rejections));
        if let Some((question, verdict)) = question {
            text.push_str(&answer(question, verdict));
            if verdict.answer != Answer::No {
                text.push_str(&self.ends_taken());
            }
        }
        text
    }

    /// What was written later is not in the answer.
    fn ends_taken(&self) -> String {
        let times = self.partitions.iter().map(|audited| audited.end_taken_at);
        let Some((first, last)) = times.clone().min().zip(times.max()) else { return String::new() };
        format!("  logs were read to what was their end from {} to {}\n", time(first), time(last))
    }

    fn scope(&self) -> &'static str {
        if self.all_topics { "all topics that this identity may see" } else { "the topics given" }
    }

    fn count(&self, is: impl Fn(&Content) -> bool) -> u64 {
        self.partitions.iter().fold(0, |sum, audited| sum.saturating_add(audited.tally.count(&is)))
    }
}

fn rejections(rejections: &[Rejection]) -> String {
    let mut table = Table::new(&["TOPIC", "IN CLEAR", "ONPLAINTEXT: REJECT IS SAFE"]);
    for rejection in rejections {
        table.row([rejection.topic.to_string(), rejection.clear.to_string(), rejection.safe.to_string()]);
    }
    table.text()
}

fn asked(question: &Asked, verdict: &Verdict) -> Value {
    let dependents = verdict.dependents.iter().map(|dependent| {
        json!({
            "topic": dependent.place.topic,
            "partition": dependent.place.partition,
            "version": dependent.version,
            "records": dependent.records,
            "firstOffset": dependent.first_offset,
            "lastOffset": dependent.last_offset,
        })
    });
    json!({
        "key": question.to_string(),
        "answer": match verdict.answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::NotSeen => "not seen",
            Answer::NotInTheseTopics => "not in these topics",
        },
        "reasons": verdict.reasons,
        "conditions": verdict.conditions,
        "dependents": dependents.collect::<Vec<_>>(),
    })
}

fn answer(question: &Asked, verdict: &Verdict) -> String {
    let mut text = String::new();
    let answer = match verdict.answer {
        Answer::Yes => "yes: no record needs it",
        Answer::No => "NO",
        Answer::NotSeen => "NOT SEEN: no record needs it, and nothing shows that it is named right",
        Answer::NotInTheseTopics => "not needed by the topics given; others were not read",
    };
    let _ = writeln!(text, "Can {question} be destroyed? {answer}");
    for reason in &verdict.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    for condition in &verdict.conditions {
        let _ = writeln!(text, "  provided that {condition}");
    }
    for dependent in verdict.dependents.iter().take(NAMED) {
        let version = dependent.version.as_deref().unwrap_or("unknown");
        let _ = writeln!(
            text,
            "  {}: {} records of version {version} at offsets {} to {}",
            dependent.place, dependent.records, dependent.first_offset, dependent.last_offset
        );
    }
    if let Some(more) = verdict.dependents.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more, which --output json lists");
    }
    text
}

fn transactions(audited: &Audited, place: &str) -> String {
    let mut text = String::new();
    let (aborted, open) = (audited.tally.transactions().aborted(), audited.tally.transactions().open());
    if aborted > 0 {
        let _ = writeln!(text, "{place}: {aborted} of the records are of aborted transactions");
    }
    if open > 0 {
        let _ = writeln!(text, "{place}: {open} of the records are of transactions that are open");
    }
    if audited.lost > 0 {
        let _ = writeln!(
            text,
            "{place}: {} offsets were removed by retention before they were read",
            audited.lost
        );
    }
    text
}

fn time(seconds: u64) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.map_or_else(String::new, |time| humantime::format_rfc3339_seconds(time).to_string())
}

fn partition(audited: &Audited) -> Value {
    let tally = &audited.tally;
    let rows = |rows: &[Row]| rows.iter().map(row).collect::<Vec<_>>();
    let ranges: Vec<Row> = tally.ranges().collect();
    json!({
        "topic": audited.topic,
        "partition": audited.partition,
        "startOffset": audited.start,
        "endOffset": audited.end,
        "endTakenAt": time(audited.end_taken_at),
        "offsetsRemovedMeanwhile": audited.lost,
        "batches": tally.batches(),
        "clearRecords": tally.count(|content| *content == Content::Clear),
        "legacyRecords": tally.count(|content| matches!(content, Content::Legacy(_))),
        "abortedRecords": tally.transactions().aborted(),
        "openTransactionRecords": tally.transactions().open(),
        "uncountedRecords": tally.beyond(),
        "contents": rows(tally.rows()),
        "ranges": rows(&ranges),
        "rangesEndAt": tally.ranges_end(),
    })
}
