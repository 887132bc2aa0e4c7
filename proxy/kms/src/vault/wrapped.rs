//! Data keys as this provider wraps them.

use proxy_crypto::WrappedKey;

use super::Binding;

/// What is in a wrapped data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrapped<'a> {
    pub(super) binding: Binding,
    /// The version of the key, as the server counts.
    pub(super) version: &'a str,
    /// All of the server's text.
    pub(super) text: &'a str,
}

impl<'a> Wrapped<'a> {
    /// What the server gave. `None` when it is not Transit's `vault:vN:BASE64`.
    pub(super) fn new(binding: Binding, text: &'a str) -> Option<Self> {
        let (version, data) = text.strip_prefix("vault:v")?.split_once(':')?;
        // The server takes version 0 for 1.
        let number = !version.starts_with('0')
            && !version.is_empty()
            && version.len() <= 9
            && version.bytes().all(|b| b.is_ascii_digit());
        let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        (number && !data.is_empty() && data.bytes().all(base64)).then_some(Self { binding, version, text })
    }

    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (binding, text) = bytes.split_first()?;
        let binding = match binding {
            0 => Binding::None,
            1 => Binding::AssociatedData,
            2 => Binding::DerivedKey,
            _ => return None,
        };
        Self::new(binding, std::str::from_utf8(text).ok()?)
    }

    pub(super) fn to_key(self) -> WrappedKey {
        let binding = match self.binding {
            Binding::None => 0,
            Binding::AssociatedData => 1,
            Binding::DerivedKey => 2,
        };
        let bytes: Vec<u8> = std::iter::once(binding).chain(self.text.bytes()).collect();
        WrappedKey::new(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was() {
        for binding in [Binding::None, Binding::AssociatedData, Binding::DerivedKey] {
            let wrapped = Wrapped::new(binding, "vault:v12:aGVsbG8=").unwrap();
            assert_eq!(wrapped.version, "12");
            assert_eq!(Wrapped::parse(wrapped.to_key().as_bytes()), Some(wrapped));
        }
    }

    #[test]
    fn nothing_else_is_taken() {
        for text in [
            "",
            "vault:v1:",
            "vault:v:AA==",
            "vault:1:AA==",
            "vault:v0:AA==",
            "vault:v01:AA==",
            "vault:v1x:AA==",
            "vault:v1:AA\n",
            "AA==",
        ] {
            assert_eq!(Wrapped::new(Binding::None, text), None, "{text:?}");
        }
        assert_eq!(Wrapped::parse(b""), None);
        assert_eq!(Wrapped::parse(b"\x03vault:v1:AA=="), None);
        assert_eq!(Wrapped::parse(b"\x01vault:v1:\xff"), None);
    }
}
