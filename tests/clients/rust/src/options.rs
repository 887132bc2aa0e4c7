//! The command line: `--option value` pairs, and librdkafka's own properties.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::ClientConfig;

pub struct Options {
    values: HashMap<String, String>,
    properties: Vec<(String, String)>,
}

impl Options {
    pub fn parse(words: &[String]) -> Option<Self> {
        let mut options = Self { values: HashMap::new(), properties: Vec::new() };
        for pair in words.chunks(2) {
            let [name, value] = pair else { return None };
            match name.strip_prefix("--")? {
                "property" => {
                    let (name, value) = value.split_once('=')?;
                    options.properties.push((name.to_owned(), value.to_owned()));
                }
                name => drop(options.values.insert(name.to_owned(), value.clone())),
            }
        }
        options.get("bootstrap").and(options.get("topic")).is_some().then_some(options)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(|value| value.parse().ok())
    }

    pub fn topic(&self) -> &str {
        self.get("topic").unwrap_or_default()
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(
            self.number("timeout-ms").and_then(|value| value.try_into().ok()).unwrap_or(20_000),
        )
    }

    /// A configuration with what all commands have in common, and these; properties of the command line win.
    pub fn config(&self, own: &[(&str, Option<&str>)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.get("bootstrap").unwrap_or_default());
        for (name, value) in own {
            value.map(|value| config.set(*name, value));
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }
}
