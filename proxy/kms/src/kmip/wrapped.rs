//! Data keys as this provider wraps them.

use proxy_crypto::{Dek, WrappedKey};

/// Bytes of a nonce.
pub(super) const NONCE: usize = 12;
/// Bytes of a tag.
pub(super) const TAG: usize = 16;
/// Bytes of an encrypted data key with its tag.
pub(super) const SEALED: usize = Dek::LEN + TAG;
const VERSION: u8 = 1;

/// What is in a wrapped data key. It is the same whether the server encrypted or handed out its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrapped {
    /// The unique identifier of the key that wrapped it.
    pub(super) id: String,
    pub(super) nonce: [u8; NONCE],
    pub(super) sealed: [u8; SEALED],
}

impl Wrapped {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION, length], rest) = bytes.split_first_chunk()? else { return None };
        let (id, rest) = rest.split_at_checked(length.into())?;
        let (nonce, sealed) = rest.split_first_chunk()?;
        let id = std::str::from_utf8(id).ok().filter(|id| is_id(id))?;
        Some(Self { id: id.to_owned(), nonce: *nonce, sealed: sealed.try_into().ok()? })
    }

    /// `None` when the id is not one.
    pub(super) fn to_key(&self) -> Option<WrappedKey> {
        let length = u8::try_from(self.id.len()).ok().filter(|_| is_id(&self.id))?;
        Some(WrappedKey::new([&[VERSION, length], self.id.as_bytes(), &self.nonce, &self.sealed].concat()))
    }

    /// The encrypted data key, and its tag.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        self.sealed.split_at(Dek::LEN)
    }
}

/// It comes to stand in messages and status.
fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(id: &str) -> Wrapped {
        Wrapped { id: id.to_owned(), nonce: [7; NONCE], sealed: [9; SEALED] }
    }

    #[test]
    fn comes_back_as_it_was() {
        for id in ["1", "5cee7b8c-9a0e-4a3c-b4a4-a1b2c3d4e5f6", &"x".repeat(255)] {
            let key = wrapped(id).to_key().unwrap();
            assert_eq!(key.as_bytes().len(), 2 + id.len() + 12 + 48);
            assert_eq!(Wrapped::parse(key.as_bytes()), Some(wrapped(id)));
        }
    }

    #[test]
    fn nothing_else_is_taken() {
        for id in ["", "a\nb", &"x".repeat(256)] {
            assert_eq!(wrapped(id).to_key(), None);
        }
        let bytes = wrapped("12").to_key().unwrap().as_bytes().to_owned();
        for length in 0..bytes.len() {
            assert_eq!(Wrapped::parse(&bytes[..length]), None, "{length} bytes");
        }
        for (place, value) in [(0, 0), (0, 2), (1, 0), (1, 1), (1, 3), (1, 255), (2, 0xff), (2, 0)] {
            let mut altered = bytes.clone();
            altered[place] = value;
            assert_eq!(Wrapped::parse(&altered), None, "byte {place} is {value}");
        }
        assert_eq!(Wrapped::parse(&[&bytes[..], &[0]].concat()), None);
    }
}
