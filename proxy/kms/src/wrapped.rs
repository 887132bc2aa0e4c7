//! Data keys that were made here and wrapped by a system elsewhere.
//!
//! One byte for the provider's way of wrapping, the version of the key-encryption key with its length before it, a check, and
//! what the system made of the data key. The check is derived from the data key over all of the rest but the last, and
//! over the context: so nobody without the data key can pass it off as one of another context, way or version, even where the
//! system binds it to nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use proxy_crypto::{Dek, KmsContext, ProviderError, WrappedKey};

const SALT: &[u8] = b"strimzi topic encryption wrapped key";
const CHECK: usize = 16;
/// Longer than any version's name.
const LONGEST_VERSION: usize = 64;

/// What is in a wrapped data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrapped<'a> {
    /// The provider's way of wrapping.
    pub(crate) way: u8,
    /// The version of the key-encryption key, as its system names it.
    pub(crate) version: &'a str,
    check: [u8; CHECK],
    /// What the system made of the data key.
    pub(crate) blob: &'a [u8],
}

struct CheckLen;

impl KeyType for CheckLen {
    fn len(&self) -> usize {
        CHECK
    }
}

impl<'a> Wrapped<'a> {
    /// What a system gave for a data key. An error when it is none that any system gives.
    pub(crate) fn new(
        context: &KmsContext,
        way: u8,
        version: &'a str,
        blob: &'a [u8],
        dek: &Dek,
    ) -> Result<Self, ProviderError> {
        if !is_version(version) || blob.is_empty() {
            return Err(ProviderError::unavailable(
                context,
                "its answer has no wrapped data key or no version",
            ));
        }
        Ok(Self { way, version, check: check(context, way, version, dek)?, blob })
    }

    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[way, length], rest) = bytes.split_first_chunk()?;
        let (version, rest) = rest.split_at_checked(length.into())?;
        let (check, blob) = rest.split_first_chunk()?;
        let version = std::str::from_utf8(version).ok().filter(|version| is_version(version))?;
        (!blob.is_empty()).then_some(Self { way, version, check: *check, blob })
    }

    pub(crate) fn to_key(&self) -> WrappedKey {
        // A version has at most `LONGEST_VERSION` bytes.
        let length = u8::try_from(self.version.len()).unwrap_or(u8::MAX);
        WrappedKey::new([&[self.way, length], self.version.as_bytes(), &self.check, self.blob].concat())
    }

    /// The data key, if it is the one that was wrapped in this context, this way and by this version.
    pub(crate) fn opened(&self, context: &KmsContext, dek: &[u8]) -> Result<Dek, ProviderError> {
        // Whoever may wrap under the key can make it wrap anything.
        let corrupt = |cause| ProviderError::corrupt(context, cause);
        let dek = Dek::from_bytes(dek).ok_or_else(|| corrupt("it holds no data key of 32 bytes"))?;
        let expected = check(context, self.way, self.version, &dek)?;
        verify_slices_are_equal(&expected, &self.check)
            .map_err(|_| corrupt("it was wrapped for another cluster, provider or key, or was altered"))?;
        Ok(dek)
    }
}

fn check(context: &KmsContext, way: u8, version: &str, dek: &Dek) -> Result<[u8; CHECK], ProviderError> {
    let length = u8::try_from(version.len()).unwrap_or(u8::MAX);
    let (head, names) = ([way, length], context.to_bytes());
    let info = [head.as_slice(), version.as_bytes(), names.as_slice()];
    let mut check = [0; CHECK];
    Salt::new(HKDF_SHA256, SALT)
        .extract(dek.expose())
        .expand(&info, CheckLen)
        .and_then(|expanded| expanded.fill(&mut check))
        .map_err(|_| ProviderError::unavailable(context, "failed to derive the check of a data key"))?;
    Ok(check)
}

/// Versions reach logs, messages and addresses: `..` is none.
fn is_version(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=LONGEST_VERSION).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use proxy_crypto::{ClusterName, KeyName, ProviderName};

    use super::*;

    fn context(cluster: &str) -> KmsContext {
        KmsContext {
            cluster: ClusterName::new(cluster).unwrap(),
            provider: ProviderName::new("kms").unwrap(),
            key: KeyName::new("k").unwrap(),
        }
    }

    #[test]
    fn comes_back_as_it_was() {
        let dek = Dek::generate().unwrap();
        let wrapped = Wrapped::new(&context("c"), 1, "12", b"blob", &dek).unwrap();
        let key = wrapped.to_key();
        let parsed = Wrapped::parse(key.as_bytes()).unwrap();
        assert_eq!(parsed, wrapped);
        assert!(parsed.opened(&context("c"), dek.expose()).unwrap().same_as(&dek));
    }

    #[test]
    fn is_bound_to_context_way_version_and_data_key() {
        let dek = Dek::generate().unwrap();
        let wrapped = Wrapped::new(&context("c"), 1, "12", b"blob", &dek).unwrap();
        let bytes = wrapped.to_key().as_bytes().to_owned();
        let corrupt = |context: &KmsContext, bytes: &[u8], dek: &[u8]| match Wrapped::parse(bytes) {
            Some(wrapped) => matches!(wrapped.opened(context, dek), Err(ProviderError::Corrupt { .. })),
            None => true,
        };
        assert!(corrupt(&context("d"), &bytes, dek.expose()));
        assert!(corrupt(&context("c"), &bytes, Dek::generate().unwrap().expose()));
        assert!(corrupt(&context("c"), &bytes, &[0; 31]));
        for place in 0..bytes.len() - b"blob".len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[place] ^= 1 << bit;
                assert!(corrupt(&context("c"), &altered, dek.expose()), "bit {bit} of byte {place}");
            }
        }
    }

    #[test]
    fn nothing_else_is_taken() {
        let dek = Dek::generate().unwrap();
        let new = |version: &str, blob: &[u8]| Wrapped::new(&context("c"), 1, version, blob, &dek).is_ok();
        assert!(new("1", b"b") && new(&"v".repeat(64), b"b"));
        assert!(!new("", b"b") && !new("1", b"") && !new(&"v".repeat(65), b"b") && !new("a/b", b"b"));
        assert!(!new(".", b"b") && !new("..", b"b") && !new("1.2", b"b"));
        let bytes = Wrapped::new(&context("c"), 1, "1", b"b", &dek).unwrap().to_key().as_bytes().to_owned();
        for length in 0..bytes.len() {
            assert_eq!(Wrapped::parse(&bytes[..length]), None, "{length} bytes");
        }
    }
}
