//! Associated data: what is authenticated beside the ciphertext.

use std::ops::Range;

use crate::seal::BatchContext;

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
    match record_key {
        None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
        Some(key) => {
            out.extend_from_slice(&i32::try_from(key.len()).map_err(|_| TooLong)?.to_be_bytes());
            out.extend_from_slice(key);
        }
    }
    Ok(())
}
