//! A record set, as Produce and Fetch carry it, cut into its batches.

use std::ops::Range;

use thiserror::Error;

use crate::header::{LENGTH_EXCLUDES, MIN_LENGTH};

/// The smallest length of a message of magic 0: CRC, magic, attributes, and two absent fields.
const MIN_MESSAGE_LENGTH: i32 = 14;

/// Where the magic byte stands, whatever the magic is.
const MAGIC_AT: usize = 16;

/// One entry of a record set, as a range of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A whole batch of magic 2.
    Batch(Range<usize>),
    /// A whole message of magic 0 or 1.
    OldMessage(Range<usize>),
    /// What a broker cut off at the end of a Fetch response; clients ignore it.
    Tail(Range<usize>),
}

/// Why a record set cannot be cut any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EntriesError {
    /// A length below the smallest batch or message.
    #[error("entry has length {0}")]
    Length(i32),
    /// A format newer than this code.
    #[error("entry has unknown magic {0}")]
    Magic(i8),
}

/// Walks the entries of `bytes`; ends after the first error.
pub fn entries(bytes: &[u8]) -> impl Iterator<Item = Result<Entry, EntriesError>> {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let entry = first(rest);
        let start = at;
        // Every entry has at least one byte, and an error leaves nothing, so the walk ends.
        at = match &entry {
            Ok((_, len)) => start.saturating_add(*len),
            Err(_) => bytes.len(),
        };
        Some(entry.map(|(kind, _)| kind(start..at)))
    })
}

/// Makes an entry of its range.
type Kind = fn(Range<usize>) -> Entry;

/// The kind and length of the entry at the start of `rest`.
fn first(rest: &[u8]) -> Result<(Kind, usize), EntriesError> {
    let Some(length) = rest.get(8..).and_then(<[u8]>::first_chunk).map(|length| i32::from_be_bytes(*length))
    else {
        return Ok((Entry::Tail, rest.len()));
    };
    if length < MIN_MESSAGE_LENGTH {
        return Err(EntriesError::Length(length));
    }
    let len = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(LENGTH_EXCLUDES);
    let Some(magic) = rest.get(MAGIC_AT).map(|magic| magic.cast_signed()) else {
        return Ok((Entry::Tail, rest.len()));
    };
    let kind: Kind = match magic {
        0 | 1 => Entry::OldMessage,
        2 if length < MIN_LENGTH => return Err(EntriesError::Length(length)),
        2 => Entry::Batch,
        _ => return Err(EntriesError::Magic(magic)),
    };
    if len > rest.len() { Ok((Entry::Tail, rest.len())) } else { Ok((kind, len)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(length: i32, magic: u8) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.resize(12 + usize::try_from(length.max(5)).unwrap(), 0);
        bytes[16] = magic;
        bytes
    }

    #[test]
    fn cuts_batches_messages_and_the_tail() {
        let mut bytes = entry(49, 2);
        bytes.extend(entry(14, 1));
        bytes.extend(&entry(60, 2)[..70]);
        let all: Result<Vec<_>, _> = entries(&bytes).collect();
        assert_eq!(all.unwrap(), [Entry::Batch(0..61), Entry::OldMessage(61..87), Entry::Tail(87..157)]);
    }

    #[test]
    fn short_rests_are_tails() {
        for len in 1..17 {
            let bytes = &entry(49, 2)[..len];
            assert_eq!(entries(bytes).collect::<Vec<_>>(), [Ok(Entry::Tail(0..len))]);
        }
        assert_eq!(entries(&[]).count(), 0);
    }

    #[test]
    fn ends_after_the_first_error() {
        for (bytes, error) in [
            (entry(-1, 2), EntriesError::Length(-1)),
            (entry(0, 2), EntriesError::Length(0)),
            (entry(13, 0), EntriesError::Length(13)),
            (entry(48, 2), EntriesError::Length(48)),
            (entry(49, 3), EntriesError::Magic(3)),
            (entry(i32::MIN, 0), EntriesError::Length(i32::MIN)),
        ] {
            let mut set = entry(49, 2);
            set.extend(bytes);
            assert_eq!(entries(&set).collect::<Vec<_>>(), [Ok(Entry::Batch(0..61)), Err(error)]);
        }
    }
}
