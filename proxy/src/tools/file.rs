//! State files: whole or not there.

use std::io::Write as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// Replaces a file so that a reader, or a run after a crash, sees the old one or the new one.
///
/// The new one has a name that nobody can foresee and is its owner's alone, so that in a folder of many users nobody can have
/// it written elsewhere, nor read which keys and topics there are. A link that stands in the file's place is replaced itself.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_state_file_is_its_owners_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let [state, new, other] = ["state", "state.new", "other"].map(|name| folder.path().join(name));
        fs::write(&other, "other").unwrap();
        symlink(&other, &new).unwrap();
        symlink(&other, &state).unwrap();
        for text in ["one", "two"] {
            write_atomically(&state, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&state).unwrap(), text);
        }
        assert_eq!(fs::read_to_string(&other).unwrap(), "other");
        assert_eq!(fs::symlink_metadata(&state).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing else is left");
    }
}
