//! The file that says where brokers are, when they come and go while the proxy runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr as _;

use serde::Serialize;

use crate::address::{BrokerId, HostPort};
use crate::error::{ConfigErrors, Mistakes};
use crate::file::{MAX_FILE_BYTES, read_text};
use crate::reader::Field;
use crate::yaml;

/// Addresses of brokers by id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BrokersFile {
    /// May be empty.
    pub brokers: BTreeMap<BrokerId, HostPort>,
}

impl BrokersFile {
    /// Parses the text of a file.
    pub fn parse(text: &str) -> Result<Self, ConfigErrors> {
        let node = yaml::parse(text, MAX_FILE_BYTES)?;
        let mistakes = Mistakes::default();
        let file = Self::read(&Field::root(&node, &mistakes));
        mistakes.or_value(file)
    }

    /// Reads and parses a file.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Self::parse(&read_text(path)?).map_err(|errors| errors.in_file(path))
    }

    /// The text of a file that means this.
    pub fn to_yaml(&self) -> String {
        yaml::write(self)
    }

    fn read(root: &Field<'_>) -> Option<Self> {
        // Required though it may be empty: a file cut off must not pass for one without brokers.
        let brokers = root.fields(&["brokers"])?.required("brokers").and_then(read_brokers)?;
        Some(Self { brokers })
    }
}

/// Reads addresses by broker id.
pub(crate) fn read_brokers(field: &Field<'_>) -> Option<BTreeMap<BrokerId, HostPort>> {
    let mut brokers = BTreeMap::new();
    for (key, entry) in field.entries()? {
        // The canonical form only, so that "1" and "01" cannot both stand for one broker.
        let id = key.parse().ok().and_then(BrokerId::new).filter(|id| id.to_string() == key);
        if id.is_none() {
            entry.mistake("must have a broker id as its key, from 0 to 2147483647");
        }
        let address = entry.parsed(HostPort::from_str);
        if let (Some(id), Some(address)) = (id, address) {
            brokers.insert(id, address);
        }
    }
    Some(brokers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_survives_its_text() {
        for text in ["{brokers: {0: 'kafka-0:9092', 12: '[2001:db8::1]:9092'}}", "brokers: {}"] {
            let file = BrokersFile::parse(text).unwrap();
            assert_eq!(BrokersFile::parse(&file.to_yaml()).unwrap(), file, "{}", file.to_yaml());
            assert_eq!(BrokersFile::parse(&serde_json::to_string(&file).unwrap()).unwrap(), file);
        }
        let file = BrokersFile::parse("brokers: {1: 'a:1', 0: 'b:2'}").unwrap();
        assert_eq!(file.to_yaml(), "brokers:\n  0: b:2\n  1: a:1\n");
    }

    #[test]
    fn refuses_mistaken_files() {
        for (text, expected) in [
            ("", "is empty"),
            ("{}", "brokers: is required"),
            ("brokers:", "brokers: must be a mapping, not nothing"),
            ("brokers: {0: a}", r#"brokers.0: must be host:port, not "a""#),
            ("brokers: {0: 'a:1', 0: 'b:1'}", "brokers.0: is given twice"),
            ("brokers: {-1: 'a:1'}", "brokers.-1: must have a broker id as its key, from 0 to 2147483647"),
            ("{brokers: {}, more: 1}", "more: is not a known field; known are brokers"),
        ] {
            assert_eq!(BrokersFile::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
