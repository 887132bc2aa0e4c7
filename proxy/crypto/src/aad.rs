//! Associated data: what is authenticated beside the ciphertext.

use std::ops::Range;

use crate::seal::{BatchContext, RecordHeader};

/// A part is longer than its length field can tell.
#[derive(Debug)]
pub(crate) struct TooLong;

/// Starts associated data with the envelope header.
///
/// The nonce counts as zeros: the cipher authenticates it by itself, and a module that makes nonces inside tells them
/// only after it has sealed.
fn start(out: &mut Vec<u8>, header: &[u8], nonce: &Range<usize>) -> Result<(), TooLong> {
    out.clear();
    out.extend_from_slice(&u32::try_from(header.len()).map_err(|_| TooLong)?.to_be_bytes());
    let (before, rest) = header.split_at_checked(nonce.start).ok_or(TooLong)?;
    let after = rest.get(nonce.len()..).ok_or(TooLong)?;
    out.extend_from_slice(before);
    out.resize(out.len() + nonce.len(), 0);
    out.extend_from_slice(after);
    Ok(())
}

fn topic(out: &mut Vec<u8>, topic: &str) -> Result<(), TooLong> {
    out.extend_from_slice(&u16::try_from(topic.len()).map_err(|_| TooLong)?.to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
    Ok(())
}

/// Associated data of a batch.
pub(crate) fn batch(
    out: &mut Vec<u8>,
    header: &[u8],
    nonce: &Range<usize>,
    context: &BatchContext<'_>,
) -> Result<(), TooLong> {
    start(out, header, nonce)?;
    topic(out, context.topic)?;
    out.extend_from_slice(&context.partition.to_be_bytes());
    out.extend_from_slice(&context.producer_id.to_be_bytes());
    out.extend_from_slice(&context.producer_epoch.to_be_bytes());
    out.extend_from_slice(&context.base_sequence.to_be_bytes());
    out.extend_from_slice(&context.last_offset_delta.to_be_bytes());
    Ok(())
}

/// Associated data of a record whose headers are sealed with its value: that of the value alone, then all its headers as
/// they are stored. So nobody moves one, puts one in or takes one away.
pub(crate) fn record_with_headers<'a>(
    out: &mut Vec<u8>,
    header: &[u8],
    nonce: &Range<usize>,
    (topic_name, record_key): (&str, Option<&[u8]>),
    headers: impl Iterator<Item = RecordHeader<'a>>,
) -> Result<(), TooLong> {
    record(out, header, nonce, topic_name, record_key)?;
    let count_at = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut count = 0_u32;
    for (name, value) in headers {
        count = count.checked_add(1).ok_or(TooLong)?;
        nullable(out, Some(name))?;
        nullable(out, value)?;
    }
    let slot = out.get_mut(count_at..).and_then(<[u8]>::first_chunk_mut).ok_or(TooLong)?;
    *slot = count.to_be_bytes();
    Ok(())
}

/// Associated data of a record's value.
pub(crate) fn record(
    out: &mut Vec<u8>,
    header: &[u8],
    nonce: &Range<usize>,
    topic_name: &str,
    record_key: Option<&[u8]>,
) -> Result<(), TooLong> {
    start(out, header, nonce)?;
    topic(out, topic_name)?;
    nullable(out, record_key)
}

/// A length, −1 for null, then the bytes.
pub(crate) fn nullable(out: &mut Vec<u8>, field: Option<&[u8]>) -> Result<(), TooLong> {
    match field {
        None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
        Some(bytes) => {
            out.extend_from_slice(&i32::try_from(bytes.len()).map_err(|_| TooLong)?.to_be_bytes());
            out.extend_from_slice(bytes);
        }
    }
    Ok(())
}
