//! Wrapped keys.

use super::wrapped::{NONCE, SEALED, Wrapped};

pub(crate) fn fuzz(data: &[u8]) {
    if let Some(wrapped) = Wrapped::parse(data) {
        let again = wrapped.to_key().expect("what was parsed has an id");
        assert_eq!(again.as_bytes(), data, "a wrapped key has one spelling");
        let _ = wrapped.version();
    }
}

pub(crate) fn seed() -> Option<Vec<u8>> {
    let wrapped = Wrapped { id: vec![7; 9], nonce: [1; NONCE], sealed: [2; SEALED] };
    wrapped.to_key().map(|key| key.as_bytes().to_vec())
}
