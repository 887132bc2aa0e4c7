//! Test vectors of the format: made here, kept in `vectors/v1.json`, and read by whoever writes a reader.
//!
//! `REGENERATE=1 cargo test -p proxy-crypto vectors` writes the file anew; otherwise a difference fails the test.

mod agree;
mod generate;
mod shape;

use std::path::Path;

use self::shape::Vectors;

#[test]
fn file_is_what_this_crate_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/v1.json");
    let mut made = serde_json::to_string_pretty(&generate::vectors()).unwrap();
    made.push('\n');
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == made, "vectors/v1.json differs from what this crate writes; versions are for ever");
}

fn kept() -> Vectors {
    serde_json::from_str(include_str!("../vectors/v1.json")).unwrap()
}
