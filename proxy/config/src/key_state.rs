//! What a proxy tells the operator of a key, in a word.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a key in a proxy, as `/keys` of its admin port has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStateName {
    /// The provider made and unwrapped a data key.
    Ready,
    /// The provider said no.
    Refused,
    /// The provider gave no answer.
    Unavailable,
    /// Not tried yet. What a proxy of another version may say besides is read as this: nothing that waits until keys were tried
    /// goes on because of a word that nobody knows.
    #[serde(other)]
    Unknown,
}

impl KeyStateName {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Refused => "Refused",
            Self::Unavailable => "Unavailable",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for KeyStateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_state_is_read_as_it_is_written_and_shown() {
        for state in
            [KeyStateName::Ready, KeyStateName::Refused, KeyStateName::Unavailable, KeyStateName::Unknown]
        {
            assert_eq!(json!(state), json!(state.as_str()));
            assert_eq!(serde_json::from_value::<KeyStateName>(json!(state)).unwrap(), state);
        }
    }

    #[test]
    fn a_word_of_another_version_counts_as_not_tried() {
        for word in ["Resting", "ready", "READY", ""] {
            assert_eq!(serde_json::from_value::<KeyStateName>(json!(word)).unwrap(), KeyStateName::Unknown);
        }
        for none in [json!(null), json!(1), json!({})] {
            assert!(serde_json::from_value::<KeyStateName>(none.clone()).is_err(), "{none}");
        }
    }
}
