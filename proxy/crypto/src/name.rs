//! Names that envelopes and the contexts of key management systems carry. Wider than those of the configuration files, which
//! may refuse what data of other writers has.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name, in bytes. One byte of an envelope header holds the length.
const MAX_LEN: usize = 253;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No characters, or too many.
    #[error("a name has 1 to 253 characters")]
    Length,
    /// A character that names do not have.
    #[error("a name has only letters, digits, '.', '_', '-', ':' and '/'")]
    Character,
}

/// Checks a text that is to be a name. Names reach logs and messages of errors, so nothing else is let through.
pub(crate) fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > MAX_LEN {
        return Err(NameError::Length);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':' | b'/');
    if text.bytes().all(allowed) { Ok(()) } else { Err(NameError::Character) }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and takes it as a name.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text).map(|()| Self(text))
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

        // Lets maps be asked with the borrowed names of an envelope header; the derived hash is that of the text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of a Kafka cluster.
    ClusterName
);
name!(
    /// The name of a key provider.
    ProviderName
);
name!(
    /// The name of a key-encryption key within its provider.
    KeyName
);

/// Stands in messages for names from outside that are none.
const INVALID: &str = "(invalid name)";

impl ProviderName {
    /// The name, or a text that no name can be.
    pub(crate) fn or_invalid(text: &str) -> Self {
        Self::new(text).unwrap_or_else(|_| Self(Arc::from(INVALID)))
    }
}

impl KeyName {
    /// The name, or a text that no name can be.
    pub(crate) fn or_invalid(text: &str) -> Self {
        Self::new(text).unwrap_or_else(|_| Self(Arc::from(INVALID)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_paths_and_arns_and_refuses_what_would_spoil_a_log() {
        for good in ["a", "transit/payments", "arn:aws:kms:eu-1:123:key/ab-c", "a.b_c-d", &"x".repeat(253)] {
            assert_eq!(KeyName::new(good).unwrap().as_str(), good);
        }
        assert_eq!(KeyName::new(""), Err(NameError::Length));
        assert_eq!(KeyName::new("x".repeat(254)), Err(NameError::Length));
        for bad in ["a b", "a\n", "ä", "a\0"] {
            assert_eq!(KeyName::new(bad), Err(NameError::Character));
        }
    }
}
