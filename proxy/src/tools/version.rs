//! The version of the key that wrapped a data key. No key management system is asked.

use crate::digest::hex;
use proxy_crypto::{EnvelopeHeader, Keys};
use std::sync::Arc;

/// Who tells versions.
#[derive(Debug, Clone)]
pub(crate) enum Versions {
    /// The providers that are configured, each for its own keys. Where it is not configured nobody does.
    Configured(Arc<Keys>),
    /// The form of the wrapped key. Another system's wrapped keys could look the same, so nothing is to be decided by it.
    Guessed,
}

impl Versions {
    pub(super) fn of(&self, envelope: &EnvelopeHeader<'_>) -> Option<Arc<str>> {
        match self {
            Self::Configured(keys) => keys.version_of(envelope).map(Arc::from),
            Self::Guessed => guess(envelope.wrapped()).map(Arc::from),
        }
    }

    pub(super) fn are_certain(&self) -> bool {
        matches!(self, Self::Configured(_))
    }
}

/// Sections 1.4 to 1.6 of the format's specification.
fn guess(wrapped: &[u8]) -> Option<String> {
    if let [0..=2, text @ ..] = wrapped
        && let Some(text) = text.strip_prefix(b"vault:v")
    {
        let digits: Vec<u8> = text.iter().copied().take_while(u8::is_ascii_digit).take(20).collect();
        let ends = text.get(digits.len()) == Some(&b':');
        return String::from_utf8(digits).ok().filter(|digits| ends && !digits.is_empty());
    }
    match wrapped {
        [0, a, b, c, rest @ ..] if rest.len() == 60 => {
            let version = u32::from_be_bytes([0, *a, *b, *c]);
            (version > 0).then(|| version.to_string())
        }
        [1, length, rest @ ..] if rest.len() == usize::from(*length) + 60 && *length > 0 => {
            rest.get(..usize::from(*length)).map(hex)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_of_known_forms_only() {
        assert_eq!(guess(b"\x01vault:v12:abc").as_deref(), Some("12"));
        assert_eq!(guess(b"\x01vault:v:abc"), None);
        assert_eq!(guess(b"\x01vault:v12"), None);
        let local = [&[0, 0, 0, 3][..], &[7; 60]].concat();
        assert_eq!(guess(&local).as_deref(), Some("3"));
        assert_eq!(guess(&local[..63]), None);
        let pkcs11 = [&[1, 2, 0xab, 1][..], &[7; 60]].concat();
        assert_eq!(guess(&pkcs11).as_deref(), Some("ab01"));
        assert_eq!(guess(&[1; 184]), None);
        assert_eq!(guess(&[]), None);
    }
}
