//! Data keys as this provider wraps them.

use proxy_crypto::{Dek, WrappedKey};

/// Bytes of a nonce.
pub(super) const NONCE: usize = 12;
/// Bytes of an encrypted data key with its tag.
pub(super) const SEALED: usize = Dek::LEN + 16;
const VERSION: u8 = 1;

/// What is in a wrapped data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrapped {
    /// The `CKA_ID` of the key that wrapped it.
    pub(super) id: Vec<u8>,
    pub(super) nonce: [u8; NONCE],
    pub(super) sealed: [u8; SEALED],
}

impl Wrapped {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION, length], rest) = bytes.split_first_chunk()? else { return None };
        let (id, rest) = rest.split_at_checked(length.into())?;
        let (nonce, sealed) = rest.split_first_chunk()?;
        let sealed = sealed.try_into().ok()?;
        (!id.is_empty()).then(|| Self { id: id.to_owned(), nonce: *nonce, sealed })
    }

    /// `None` when the id is longer than an id may be.
    pub(super) fn to_key(&self) -> Option<WrappedKey> {
        let length = u8::try_from(self.id.len()).ok().filter(|length| *length > 0)?;
        Some(WrappedKey::new([&[VERSION, length], &*self.id, &self.nonce, &self.sealed].concat()))
    }

    /// The id as tools show it.
    pub(super) fn version(&self) -> String {
        hex(&self.id)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(id: &[u8]) -> Wrapped {
        Wrapped { id: id.to_owned(), nonce: [7; NONCE], sealed: [9; SEALED] }
    }

    #[test]
    fn comes_back_as_it_was() {
        for id in [&[1][..], &[0xab, 0], &[0; 255]] {
            let wrapped = wrapped(id);
            let key = wrapped.to_key().unwrap();
            assert_eq!(key.as_bytes().len(), 2 + id.len() + 12 + 48);
            assert_eq!(Wrapped::parse(key.as_bytes()), Some(wrapped));
        }
        assert_eq!(wrapped(&[0x0a, 0xff]).version(), "0aff");
    }

    #[test]
    fn nothing_else_is_taken() {
        assert_eq!(wrapped(&[]).to_key(), None);
        assert_eq!(wrapped(&[1; 256]).to_key(), None);
        let bytes = wrapped(&[1, 2]).to_key().unwrap().as_bytes().to_owned();
        for length in 0..bytes.len() {
            assert_eq!(Wrapped::parse(&bytes[..length]), None, "{length} bytes");
        }
        let changed = |place: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[place] = value;
            Wrapped::parse(&bytes)
        };
        assert_eq!(changed(0, 0), None);
        assert_eq!(changed(0, 2), None);
        for length in (0..=255).filter(|length| *length != 2) {
            assert_eq!(changed(1, length), None, "an id of {length} bytes");
        }
        assert_eq!(Wrapped::parse(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Wrapped::parse(&[&[VERSION, 0][..], &[7; NONCE], &[9; SEALED]].concat()), None);
    }
}
