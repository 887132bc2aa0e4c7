//! Names, one type for each kind, so that a key cannot be taken for a provider or a topic for a prefix.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Why a text is not a name of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct NameError {
    problem: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks the text and takes it as a name.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(problem) => Err(NameError { problem }),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // Lets maps keyed by the name be asked with a plain `&str`; the derived hash is that of the text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of the Kafka cluster, part of the context in which the KMS wraps data keys.
    ClusterName,
    check_path_like
);
name!(
    /// The name of a key-encryption key within its provider.
    KeyName,
    check_key
);
name!(
    /// The name of a key provider, as `keyProviders` defines and rules use it.
    ProviderName,
    check_label
);
name!(
    /// The name of a listener.
    ListenerName,
    check_label
);
name!(
    /// The name of a user of the Kafka cluster.
    UserName,
    check_user
);
name!(
    /// The name of a topic that Kafka would accept.
    TopicName,
    check_topic
);
name!(
    /// The beginning of topic names.
    TopicPrefix,
    check_topic_prefix
);

name!(
    /// The name of a record's header.
    HeaderName,
    check_header
);

const CHARACTERS: &str = "may only have letters, digits, '.', '_', '-' and '/'";

/// Names that providers may map to a path, in a directory or a URL: no segment may lead out of it.
fn check_path_like(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 253 {
        return Err("must have 1 to 253 characters");
    }
    if !text.bytes().all(|byte| is_topic_byte(byte) || byte == b'/') {
        return Err(CHARACTERS);
    }
    if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("must not have an empty, '.' or '..' part between slashes");
    }
    Ok(())
}

/// Also colons, as in the ARN of a key in AWS KMS.
fn check_key(text: &str) -> Result<(), &'static str> {
    check_path_like(&text.replace(':', "-")).map_err(|problem| match problem {
        CHARACTERS => "may only have letters, digits, '.', '_', '-', ':' and '/'",
        other => other,
    })
}

fn check_label(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 63 {
        return Err("must have 1 to 63 characters");
    }
    if !text.bytes().all(is_topic_byte) {
        return Err("may only have letters, digits, '.', '_' and '-'");
    }
    Ok(())
}

fn check_user(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 255 {
        return Err("must have 1 to 255 characters");
    }
    if text.chars().any(char::is_control) { Err("must not have control characters") } else { Ok(()) }
}

/// The header that holds envelopes, which is never a client's.
const ENVELOPE_HEADER: &str = "encryption.strimzi.io";

fn check_header(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 255 {
        return Err("must have 1 to 255 bytes");
    }
    if text == ENVELOPE_HEADER {
        return Err("must not be encryption.strimzi.io, which holds envelopes");
    }
    if text.chars().any(char::is_control) { Err("must not have control characters") } else { Ok(()) }
}

fn check_topic(text: &str) -> Result<(), &'static str> {
    check_topic_prefix(text)?;
    // Kafka refuses these two because a partition's directory is named after its topic.
    if matches!(text, "." | "..") { Err("must not be '.' or '..'") } else { Ok(()) }
}

fn check_topic_prefix(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 249 {
        return Err("must have 1 to 249 characters");
    }
    if !text.bytes().all(is_topic_byte) {
        return Err("may only have letters, digits, '.', '_' and '-'");
    }
    Ok(())
}

fn is_topic_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
