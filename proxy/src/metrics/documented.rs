//! The metrics' page is what the program tells: each metric with its label and the label's values, no more and no less.

use super::{Metrics, keys};
use crate::telemetry::lost_lines;
use proxy_crypto::KeyStats;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// By metric and label, the label's values.
type Families = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Its values are those of releases.
const OPEN_LABEL: &str = "version";

/// As they are scraped.
fn told() -> Families {
    let mut registry = Metrics::registry();
    Metrics::register(&mut registry);
    keys::register(&mut registry, Arc::new(KeyStats::default()));
    let none = || 0;
    lost_lines::register(&mut registry, [("log", none), ("audit", none)]);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let mut families = Families::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let name = name.strip_prefix("topic_encryption_").expect("all names begin so");
        let family = families.entry(name.to_owned()).or_default();
        for label in labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once('=').unwrap();
            let values = family.entry(label.to_owned()).or_default();
            if label != OPEN_LABEL {
                values.insert(value.trim_matches('"').to_owned());
            }
        }
    }
    families
}

/// The tables of the page.
fn documented(page: &str) -> Families {
    let mut families = Families::new();
    for row in rows(page, "| metric, after `topic_encryption_` | labels | tells |") {
        let [metric, labels, _] = row[..] else { panic!("three cells: {row:?}") };
        let metric = name(metric);
        let mut quoted = names(labels);
        let family = quoted.next().map(|label| {
            let listed: BTreeSet<_> = quoted.collect();
            let is_listed = !listed.is_empty() || label == OPEN_LABEL;
            let values = if is_listed { listed } else { values(page, &label, &metric) };
            (label, values)
        });
        assert_eq!(
            families.insert(metric.clone(), family.into_iter().collect()),
            None,
            "{metric} has one row"
        );
    }
    families
}

/// Values that have a table of their own.
fn values(page: &str, label: &str, metric: &str) -> BTreeSet<String> {
    let rows = rows(page, &format!("| `{label}` of `{metric}` | is |"));
    let (count, values) = (rows.len(), rows.into_iter().map(|row| name(row[0])).collect::<BTreeSet<_>>());
    assert_eq!(values.len(), count, "each value of {metric} has one row");
    values
}

/// The cells of a table.
fn rows<'a>(page: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let table = page.split_once(&format!("{head}\n"));
    let (_, rest) = table.unwrap_or_else(|| panic!("the page has the table {head}"));
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What stands between backquotes.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn name(cell: &str) -> String {
    let name = names(cell).next().unwrap_or_default();
    assert_eq!(cell, format!("`{name}`"), "a name alone");
    name
}

#[test]
fn each_metric_is_documented_with_its_label_and_values() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    assert_eq!(told(), documented(&fs::read_to_string(page).unwrap()));
}

#[test]
fn values_stand_beside_their_label_or_in_a_table_of_their_own() {
    let page = "\
| metric, after `topic_encryption_` | labels | tells |
| --- | --- | --- |
| `a` | | one |
| `b_total` | `flow`: `in`, `out` | two |
| `c_total` | `reason`: [why](#why) | three |

| `reason` of `c_total` | is |
| --- | --- |
| `x` | `y` |
";
    let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>();
    let family = |label: &str, values: &[&str]| BTreeMap::from([(label.to_owned(), set(values))]);
    let expected = [
        ("a".to_owned(), BTreeMap::new()),
        ("b_total".to_owned(), family("flow", &["in", "out"])),
        ("c_total".to_owned(), family("reason", &["x"])),
    ];
    assert_eq!(documented(page), expected.into());
}
