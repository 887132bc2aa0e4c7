//! From a password to the keys that both sides sign with.

use super::Derivation;
use aws_lc_rs::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

/// The algorithms that go with a hash function.
pub(crate) struct Hash {
    pub(super) pbkdf2: pbkdf2::Algorithm,
    pub(super) hmac: hmac::Algorithm,
    pub(super) digest: &'static digest::Algorithm,
}

pub(crate) static SHA_512: Hash =
    Hash { pbkdf2: pbkdf2::PBKDF2_HMAC_SHA512, hmac: hmac::HMAC_SHA512, digest: &digest::SHA512 };

/// Whoever has them can authenticate as the user, but not learn the password.
pub(crate) struct DerivedKeys {
    client: Zeroizing<Vec<u8>>,
    server: Zeroizing<Vec<u8>>,
}

impl DerivedKeys {
    /// Takes as long as the iterations demand: milliseconds for the usual number of them, a second for the most.
    pub(crate) fn derive(hash: &Hash, password: &str, from: &Derivation) -> Self {
        let mut salted = Zeroizing::new(vec![0; hash.digest.output_len()]);
        pbkdf2::derive(hash.pbkdf2, from.iterations, &from.salt, password.as_bytes(), &mut salted);
        let key = hmac::Key::new(hash.hmac, &salted);
        let derive = |name: &[u8]| Zeroizing::new(hmac::sign(&key, name).as_ref().to_vec());
        Self { client: derive(b"Client Key"), server: derive(b"Server Key") }
    }

    /// Proves the client's key without giving it away.
    pub(super) fn proof(&self, hash: &Hash, transcript: &[u8]) -> Vec<u8> {
        let stored = digest::digest(hash.digest, &self.client);
        let signature = hmac::sign(&hmac::Key::new(hash.hmac, stored.as_ref()), transcript);
        self.client.iter().zip(signature.as_ref()).map(|(key, signed)| key ^ signed).collect()
    }

    pub(super) fn server(&self, hash: &Hash) -> hmac::Key {
        hmac::Key::new(hash.hmac, &self.server)
    }
}
