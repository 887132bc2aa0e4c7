//! Test vectors of the format: made here, kept in `vectors/`, and read by whoever writes a reader.
//!
//! `REGENERATE=1 cargo test -p proxy-crypto vectors` writes vectors anew that are not published yet; otherwise, and always for those
//! that are, a difference fails the test.

mod agree;
mod generate;
mod shape;

use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use self::shape::{HeadersVectors, PseudonymsVectors, Vectors};

/// What is published of formats 5 and 6 has files of its own, so that the older ones stay as they are.
/// Conformance: P17-08, P17-11, P17-14, P17-16.
#[test]
fn files_are_what_this_crate_writes() {
    check("v1.json", PUBLISHED, &generate::vectors());
    check("headers.json", None, &generate::headers());
    check("pseudonyms.json", None, &generate::pseudonyms());
}

/// SHA-256 of the vectors that proxies in use were tested with. Nothing writes them anew, by mistake or on purpose.
const PUBLISHED: Option<&str> = Some("d94a2b757ff08b10f47c565e96787a1c22b94356590e5b76b4a9470cb0ec8e9b");

fn check(name: &str, published: Option<&str>, made: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    let mut made = serde_json::to_string_pretty(made).unwrap();
    made.push('\n');
    if published.is_none() && std::env::var_os("REGENERATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let digest = hex::encode(Sha256::digest(&kept));
    assert!(
        published.is_none_or(|published| published == digest),
        "{name} was edited; versions are for ever"
    );
    assert!(kept == made, "{name} differs from what this crate writes; versions are for ever");
}

fn kept() -> Vectors {
    serde_json::from_str(include_str!("../vectors/v1.json")).unwrap()
}

fn kept_headers() -> HeadersVectors {
    serde_json::from_str(include_str!("../vectors/headers.json")).unwrap()
}

fn kept_pseudonyms() -> PseudonymsVectors {
    serde_json::from_str(include_str!("../vectors/pseudonyms.json")).unwrap()
}
