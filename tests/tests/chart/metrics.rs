//! Alerts and dashboards name only metrics that there are, and the operator's page has those of the operator.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::files::{chart, read, repository};
use crate::helm;
use crate::object::{items, of_kind, parse_one, text};

/// What the operator registers.
struct Family<'a> {
    /// Without the prefix.
    name: &'a str,
    /// The type of the field that holds it.
    kind: &'a str,
    labels: BTreeSet<&'a str>,
}

/// The operator's metrics, as its program text registers them.
fn of_the_operator(source: &str) -> Vec<Family<'_>> {
    let registered = source.split("registry.register(").skip(1);
    let family = |call| {
        let name = between(call, "\"", "\"").expect("a name");
        let field = between(call, "metrics.", ".").expect("a field");
        let kind = between(source, &format!("\n    {field}: "), "\n").expect("a field of the struct");
        let labels = between(kind, "Family<", ",").map(|set| labels(source, set)).unwrap_or_default();
        Family { name, kind, labels }
    };
    registered.map(family).collect()
}

/// The fields of a set of labels.
fn labels<'a>(source: &'a str, set: &str) -> BTreeSet<&'a str> {
    let fields = between(source, &format!("\nstruct {set} {{\n"), "}").expect("a set of labels");
    let names = fields.lines().filter_map(|line| line.trim().split_once(": "));
    names.map(|(name, _)| name.trim_start_matches("r#")).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split(end).next()
}

impl Family<'_> {
    /// Names of its series.
    fn scraped(&self) -> Vec<String> {
        let endings: &[&str] = match self.kind {
            kind if kind.contains("Counter") => &["_total"],
            kind if kind.contains("Histogram") => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        endings.iter().map(|ending| format!("{}{ending}", self.name)).collect()
    }

    /// What people call it.
    fn documented(&self) -> String {
        let ending = if self.kind.contains("Counter") { "_total" } else { "" };
        format!("{}{ending}", self.name)
    }
}

/// All names with our prefix in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let word = |character: char| character.is_ascii_lowercase() || character == '_';
    text.split(|character| !word(character)).filter(|each| each.starts_with("topic_encryption_")).collect()
}

/// The program text of the proxy, where it registers its metrics.
fn proxy_source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&proxy_source(&path));
        } else {
            text.push_str(&read(&path));
        }
    }
    text
}

fn is_of_the_proxy(name: &str, source: &str) -> bool {
    let family = name.strip_suffix("_total").or_else(|| name.strip_suffix("_info")).unwrap_or(name);
    let whole = source.contains(&format!("\"{family}\""));
    // Families that are registered by a verb and a unit.
    let by_parts = family.split_once('_').is_some_and(|(verb, unit)| {
        ["encrypted", "decrypted"].contains(&verb) && ["batches", "records", "bytes"].contains(&unit)
    });
    whole || by_parts
}

fn assert_known(name: &str, source: &str) {
    let stem = name.strip_prefix("topic_encryption_").unwrap();
    let known = match stem.strip_prefix("operator_") {
        Some(stem) => {
            let source = read(&repository("operator/src/metrics.rs"));
            of_the_operator(&source).iter().any(|family| family.scraped().iter().any(|each| each == stem))
        }
        None => is_of_the_proxy(stem, source),
    };
    assert!(known, "there is no metric {name}");
}

#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    let source = proxy_source(&repository("proxy/src/metrics")) + &read(&repository("proxy/src/metrics.rs"));
    let (alerts, dashboard) =
        (read(&chart("files/alerts.yaml")), read(&chart("files/dashboards/topic-encryption.json")));
    let found: BTreeSet<_> = names(&alerts).into_iter().chain(names(&dashboard)).collect();
    assert!(found.len() > 20, "{found:?}");
    for name in found {
        assert_known(name, &source);
    }
}

#[test]
#[should_panic(expected = "there is no metric topic_encryption_bytes_total")]
fn a_metric_that_is_not_there_is_found() {
    assert_known("topic_encryption_bytes_total", "");
}

#[test]
#[should_panic(expected = "there is no metric topic_encryption_operator_resources_total")]
fn a_metric_that_the_operator_has_by_another_name_is_found() {
    assert_known("topic_encryption_operator_resources", "");
    assert_known("topic_encryption_operator_resources_total", "");
}

/// The operator's metrics with their labels, as its page has them.
fn documented(page: &str) -> BTreeMap<String, BTreeSet<&str>> {
    let head = "| metric, after `topic_encryption_operator_` | labels | meaning |\n";
    let (_, rest) = page.split_once(head).expect("the page has the table");
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cells: Vec<_> = row.split('|').collect();
        let labels: BTreeSet<_> = quoted(cells[2]).collect();
        quoted(cells[1]).map(move |name| (name.to_owned(), labels.clone()))
    })
    .collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_operators_metrics_are_documented_with_their_labels() {
    let source = read(&repository("operator/src/metrics.rs"));
    let registered: BTreeMap<_, _> =
        of_the_operator(&source).into_iter().map(|family| (family.documented(), family.labels)).collect();
    assert!(registered.len() > 10, "{registered:?}");
    assert_eq!(documented(&read(&repository("operator/docs/troubleshooting.md"))), registered);
}

#[test]
fn alerts_on_the_state_of_resources_name_metrics_of_their_configuration() {
    let folder = repository("deploy/metrics/kube-state-metrics");
    let values = parse_one(&read(&folder.join("values.yaml")));
    let resources = items(&values, "customResourceState/config/spec/resources");
    let made: BTreeSet<String> = resources
        .iter()
        .flat_map(|resource| {
            let prefix = text(resource, "metricNamePrefix");
            items(resource, "metrics").iter().map(move |metric| format!("{prefix}_{}", text(metric, "name")))
        })
        .collect();
    let rule = read(&folder.join("prometheus-rule.yaml"));
    for name in names(&rule) {
        assert!(made.contains(name), "{name} is not among {made:?}");
    }
}

/// All alerts of a list of groups.
fn alerts(groups: &[Value]) -> Vec<&Value> {
    groups.iter().flat_map(|group| items(group, "rules")).collect()
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_it_means() {
    let of_chart = parse_one(&read(&chart("files/alerts.yaml")));
    let of_resources =
        parse_one(&read(&repository("deploy/metrics/kube-state-metrics/prometheus-rule.yaml")));
    let all = [alerts(items(&of_chart, "groups")), alerts(items(&of_resources, "spec/groups"))].concat();
    assert!(all.len() > 15);
    let mut seen = BTreeSet::new();
    for alert in all {
        assert!(["info", "warning", "critical"].contains(&text(alert, "labels/severity")), "{alert}");
        for field in ["expr", "annotations/summary", "annotations/description"] {
            assert!(!text(alert, field).is_empty(), "{field}: {alert}");
        }
        assert!(seen.insert(text(alert, "alert")), "{alert} is there twice");
    }
}

#[test]
fn the_rendered_alerts_are_those_of_the_file() {
    let objects = helm::objects(&["--set", "prometheusRule.enabled=true,prometheusRule.labels.release=p"]);
    let rules = of_kind(&objects, "PrometheusRule");
    let rule = rules.first().unwrap();
    assert_eq!(rule["spec"], parse_one(&read(&chart("files/alerts.yaml"))));
    assert_eq!(text(rule, "metadata/labels/release"), "p");
}

#[test]
fn the_rendered_dashboard_is_that_of_the_file() {
    let objects = helm::objects(&["--set", "dashboards.enabled=true,dashboards.namespace=grafana"]);
    let maps = of_kind(&objects, "ConfigMap");
    let map = maps.iter().find(|map| text(map, "metadata/labels/grafana_dashboard") == "1").unwrap();
    assert_eq!(text(map, "metadata/namespace"), "grafana");
    let json: Value = serde_json::from_str(map["data"]["topic-encryption.json"].as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&read(&chart("files/dashboards/topic-encryption.json"))).unwrap();
    assert_eq!(json, file);
}
