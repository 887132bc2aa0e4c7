//! Reads a configuration file as text, never more than a bounded number of bytes.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::{ConfigErrors, Mistake};

/// The largest configuration file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Reads a configuration file of at most [`MAX_FILE_BYTES`].
///
/// Apart from [`Policy::load`](crate::Policy::load) for callers that also need the text itself, for instance
/// to hash exactly the bytes that were parsed.
pub fn read_text(path: &Path) -> Result<String, ConfigErrors> {
    let bytes = read_bytes(path, MAX_FILE_BYTES).map_err(|error| {
        ConfigErrors::from(Mistake::new("", format!("cannot be read: {error}"))).in_file(path)
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let problem = format!("is not UTF-8 text (at byte {})", error.utf8_error().valid_up_to());
        ConfigErrors::from(Mistake::new("", problem)).in_file(path)
    })
}

/// Reads at most one byte more than `limit`, which is enough for the parser to see that the file is too
/// large.
pub(crate) fn read_bytes(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(std::io::Error::other(format!("the file is larger than {limit} bytes")));
    }
    Ok(bytes)
}
