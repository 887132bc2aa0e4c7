//! What reports have in common.

use super::content::{Content, Format};
use super::tally::Row;
use serde_json::{Map, Value, json};

/// A content with its counts, for programs.
pub(super) fn row(row: &Row) -> Value {
    let mut object = content(&row.content);
    object.insert("records".to_owned(), json!(row.records));
    object.insert("firstOffset".to_owned(), json!(row.first_offset));
    object.insert("lastOffset".to_owned(), json!(row.last_offset));
    Value::Object(object)
}

fn content(content: &Content) -> Map<String, Value> {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    match content {
        Content::Sealed(protection) => {
            put("content", json!("sealed"));
            put("provider", json!(protection.provider));
            put("key", json!(protection.key));
            put("version", json!(protection.version));
            put("format", json!(format_name(protection.format)));
            if let Some(data_key) = &protection.data_key {
                put("dataKey", json!(data_key));
            }
        }
        Content::Legacy(predecessor) => {
            put("content", json!("legacy"));
            put("format", json!(predecessor.name()));
        }
        Content::Clear => put("content", json!("clear")),
        Content::Null => put("content", json!("null")),
        Content::Control => put("content", json!("control")),
        Content::Damaged(damage) => {
            put("content", json!("damaged"));
            put("cause", json!(damage.cause()));
        }
    }
    object
}

/// As policies name formats, where they name them.
pub(super) fn format_name(format: Format) -> &'static str {
    match format {
        Format::Batch => "Batch",
        Format::Record => "Record",
        Format::Pseudonyms => "Pseudonyms",
    }
}

/// Columns as wide as what is in them, for people.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|title| (*title).to_owned()).collect()] }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell: &String| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}
