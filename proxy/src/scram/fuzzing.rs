//! What a broker says while the proxy authenticates.

use super::{ClientFirst, Derivation, DerivedKeys, SHA_512};
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

/// Not those that a message asks for: deriving takes its time by design.
static KEYS: LazyLock<Arc<DerivedKeys>> = LazyLock::new(|| {
    let derivation = Derivation { salt: vec![1; 16], iterations: NonZeroU32::MIN };
    Arc::new(DerivedKeys::derive(&SHA_512, "password", &derivation))
});

/// The challenge, a line feed, the last message.
pub(crate) fn fuzz_scram(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (challenge, last) = data.split_at(end);
    let first = ClientFirst::with_nonce(&SHA_512, "us=er,", "nonce".to_owned());
    let Ok(challenged) = first.challenged(challenge) else { return };
    assert!((4_096..=1_000_000).contains(&challenged.derivation().iterations.get()), "work is bounded");
    let (message, proved) = challenged.prove(Arc::clone(&KEYS));
    assert!(message.starts_with("c=biws,r=nonce"), "the nonce goes on with ours");
    let verified = proved.verify(last.get(1..).unwrap_or_default());
    assert!(verified.is_err() || last.starts_with(b"\nv="), "nobody is believed without a signature");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    ["r=nonce1,s=c2FsdA==,i=4096\nv=c2lnbmF0dXJl", "r=nonce1,s=c2FsdA==,i=1000000\ne=unknown-user", "m=x"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}
