//! The files below `crds/` are what the code says.

use std::path::PathBuf;

#[test]
fn the_files_are_up_to_date() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    for (name, text) in operator_api::manifests::crds().unwrap() {
        let path = directory.join(name);
        if std::env::var_os("REGENERATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let present = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(present == text, "{} differs from the code: run `make generate`", path.display());
    }
}
