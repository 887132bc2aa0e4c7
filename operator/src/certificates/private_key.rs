//! A private key, cleared when dropped.

use rcgen::{KeyPair, PublicKeyData as _};
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::error::{Error, Problem};
use super::pem;
use crate::secret_text::SecretText;

pub(super) struct PrivateKey {
    pair: Zeroizing<KeyPair>,
    /// As the Secret has it.
    text: SecretText,
}

impl PrivateKey {
    /// A new ECDSA P-256 key.
    pub(super) fn generate() -> Result<Self, Error> {
        let pair = Zeroizing::new(KeyPair::generate().map_err(Error::GenerateKey)?);
        let text = SecretText::new(pem::encode(pem::PRIVATE_KEY, pair.serialized_der()));
        Ok(Self { pair, text })
    }

    /// Takes the first private key of a text; parameters of a curve may stand before it.
    pub(super) fn read(text: &SecretText) -> Result<Self, Problem> {
        let blocks = pem::decode(text.expose()).ok_or(Problem::PrivateKey)?;
        let key =
            blocks.iter().find(|block| block.label.ends_with(pem::PRIVATE_KEY)).ok_or(Problem::PrivateKey)?;
        let pair = KeyPair::try_from(key.contents.as_slice()).map_err(|_| Problem::PrivateKey)?;
        Ok(Self { pair: Zeroizing::new(pair), text: text.clone() })
    }

    pub(super) fn fits(&self, certificate: &Certificate) -> bool {
        self.pair.der_bytes() == certificate.public_key()
    }

    pub(super) fn pair(&self) -> &KeyPair {
        &self.pair
    }

    pub(super) fn text(&self) -> &SecretText {
        &self.text
    }
}
