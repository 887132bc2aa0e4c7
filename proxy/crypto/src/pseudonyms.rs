//! Pseudonyms of record keys: what stands in the place of a key, the same for the same key of the same topic, so that
//! compaction works. Nothing here opens them: readers find the key in what is sealed with the record's value.

use std::fmt;

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::dek::Dek;
use crate::message_key::CryptoError;
use crate::name::ClusterName;

/// What a pseudonym has more than its key.
pub(crate) const GROWTH: usize = 16;

const KEY_LEN: usize = 64;
const INFO: &[u8] = b"strimzi topic encryption record key pseudonym";

/// What makes the pseudonyms of one topic. Cleared when dropped.
// Boxed, so that a move leaves no copy behind that nobody clears.
pub struct Pseudonyms(Box<Zeroizing<[u8; KEY_LEN]>>);

/// The same at work on one batch.
pub(crate) struct Pseudonymiser(Aes256Siv);

struct DerivedLen;

impl KeyType for DerivedLen {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

impl Pseudonyms {
    /// Derives what pseudonyms of the topic's keys are made with. `None` where a name is too long, or the cryptographic library
    /// refuses.
    pub fn derive(key: &Dek, cluster: &ClusterName, topic: &str) -> Option<Self> {
        let length = |name: &str| u16::try_from(name.len()).ok().map(u16::to_be_bytes);
        let (of_cluster, of_topic) = (length(cluster.as_str())?, length(topic)?);
        let info = [INFO, &of_cluster, cluster.as_str().as_bytes(), &of_topic, topic.as_bytes()];
        let mut derived = Box::new(Zeroizing::new([0; KEY_LEN]));
        Salt::new(HKDF_SHA256, &[])
            .extract(key.expose())
            .expand(&info, DerivedLen)
            .and_then(|expanded| expanded.fill(derived.as_mut_slice()))
            .ok()?;
        Some(Self(derived))
    }

    fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    pub(crate) fn start(&self) -> Pseudonymiser {
        Pseudonymiser(Aes256Siv::new(self.bytes().into()))
    }
}

impl Pseudonymiser {
    /// Appends the pseudonym of a key.
    pub(crate) fn write(&mut self, key: &[u8], out: &mut Vec<u8>) -> Result<(), CryptoError> {
        let start = out.len();
        out.extend_from_slice(&[0; GROWTH]);
        out.extend_from_slice(key);
        let (siv, message) =
            out.get_mut(start..).and_then(|made| made.split_at_mut_checked(GROWTH)).ok_or(CryptoError)?;
        let no_headers: [&[u8]; 0] = [];
        let made = self.0.encrypt_inout_detached(no_headers, message.into()).map_err(|_| CryptoError)?;
        siv.copy_from_slice(&made);
        Ok(())
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(..)")
    }
}

#[cfg(test)]
impl Pseudonyms {
    /// The bytes of the derived key, which only test vectors show.
    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        self.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms(cluster: &str, topic: &str) -> Pseudonyms {
        let key = Dek::from_bytes(&[7; 32]).unwrap();
        Pseudonyms::derive(&key, &ClusterName::new(cluster).unwrap(), topic).unwrap()
    }

    fn pseudonym(of: &Pseudonyms, key: &[u8]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        of.start().write(key, &mut out).unwrap();
        assert_eq!(out.drain(..6).as_slice(), b"before");
        out
    }

    #[test]
    fn a_key_has_one_pseudonym_in_a_topic_and_another_elsewhere() {
        let here = pseudonyms("c", "t");
        assert_eq!(pseudonym(&here, b"key"), pseudonym(&pseudonyms("c", "t"), b"key"));
        let others = [
            pseudonym(&here, b"kez"),
            pseudonym(&pseudonyms("c", "u"), b"key"),
            pseudonym(&pseudonyms("d", "t"), b"key"),
            // The lengths tell where a name ends.
            pseudonym(&pseudonyms("ct", "t"), b"key"),
            pseudonym(&pseudonyms("c", "tt"), b"key"),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(*other, pseudonym(&here, b"key"));
            assert!(!others[..at].contains(other));
        }
        assert!(
            Pseudonyms::derive(
                &Dek::generate().unwrap(),
                &ClusterName::new("c").unwrap(),
                &"t".repeat(65_536)
            )
            .is_none()
        );
        assert_eq!(format!("{here:?}"), "Pseudonyms(..)");
    }

    /// RFC 5297, appendix A.1, which has vectors for the shorter key alone.
    #[test]
    fn the_cipher_is_that_of_the_rfc() {
        let key: [u8; 32] = std::array::from_fn(|at| match u8::try_from(at).unwrap() {
            at @ 0..16 => 0xff - at,
            at => 0xe0 + at,
        });
        let associated: Vec<u8> = (0x10..=0x27).collect();
        let mut message = hex::decode("112233445566778899aabbccddee").unwrap();
        let mut cipher = aes_siv::siv::Aes128Siv::new(&key.into());
        let siv = cipher.encrypt_inout_detached([associated], message.as_mut_slice().into()).unwrap();
        assert_eq!(hex::encode(siv), "85632d07c6e8f37f950acd320a2ecc93");
        assert_eq!(hex::encode(message), "40c02b9690c4dc04daef7f6afe5c");
    }

    #[test]
    fn a_pseudonym_has_16_bytes_more_than_its_key_and_shows_nothing_of_it() {
        let here = pseudonyms("c", "t");
        for length in [0, 1, 15, 16, 17, 300] {
            let key = vec![b'k'; length];
            let made = pseudonym(&here, &key);
            assert_eq!(made.len(), length + GROWTH);
            assert!(!made.windows(4).any(|window| window == b"kkkk"));
        }
        let mut worked = here.start();
        let (mut first, mut again) = (Vec::new(), Vec::new());
        worked.write(b"key", &mut first).unwrap();
        worked.write(b"another key of more than a block", &mut again).unwrap();
        again.clear();
        worked.write(b"key", &mut again).unwrap();
        assert_eq!(first, again, "what was made before leaves nothing behind");
    }
}
