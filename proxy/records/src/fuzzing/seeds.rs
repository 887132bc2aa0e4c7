//! Inputs that a fuzzer would take long to find: whole batches in each codec and in both stored formats.

use super::{Copying, CopyingHeaders};
use crate::sample::{SampleBatch, SampleRecord};
use crate::{Codec, Codecs, Scratch, Surround, seal_records, seal_records_with_headers, validate_produced};

const CAP: usize = super::CAP;
const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

fn samples() -> Vec<SampleBatch> {
    let null = SampleRecord { key: Some(b"key".to_vec()), ..SampleRecord::default() };
    let headers = vec![(b"name".to_vec(), Some(b"value".to_vec())), (Vec::new(), None)];
    let full = SampleRecord { timestamp_delta: -3, value: Some(vec![7; 40]), headers, ..null.clone() };
    vec![
        SampleBatch::text(3, 40),
        SampleBatch::text(70, 8),
        SampleBatch::new(vec![null, full, SampleRecord::default()]),
    ]
}

pub(super) fn produced() -> Vec<Vec<u8>> {
    samples().iter().flat_map(|sample| CODECS.map(|codec| sample.build(codec))).collect()
}

/// The codec's number, then what it makes of a text.
pub(super) fn codecs() -> Vec<Vec<u8>> {
    let text = b"the same words, the same words, the same words again".repeat(3);
    let packed = |codec: Codec| {
        let mut out = Vec::new();
        let _ = Codecs::new(CAP).compress(codec, &text, &mut out);
        out.insert(0, u8::try_from(codec.id()).unwrap_or_default());
        out
    };
    CODECS.map(packed).to_vec()
}

pub(super) fn record_sets() -> Vec<Vec<u8>> {
    let all: Vec<Vec<u8>> = samples().iter().map(|sample| sample.build(Codec::None)).collect();
    // A message of magic 1 with a null key and a null value.
    let message = [&[0; 11][..], &[22, 1, 2, 3, 4, 1], &[0; 9], &[0xff; 8]].concat();
    vec![all.concat(), [message.clone(), message.clone()].concat(), [message, all.concat()].concat()]
}

/// Batches in batch format and in record format, with ciphertext that is none.
pub(super) fn stored() -> Vec<Vec<u8>> {
    let whole = produced().into_iter().filter_map(|batch| {
        let mut scratch = Scratch::new(CAP);
        let produced = validate_produced(&batch, &mut scratch).ok()?;
        let stubs = scratch.stubs().to_vec();
        let mut surround = Surround::default();
        surround.prepare(&produced, &stubs, &[7; 16], &[1, 1, 9]).ok()?;
        let ciphertext = batch.get(crate::BATCH_HEADER_LEN..)?;
        surround.finish(ciphertext, &[9; 16]);
        Some([surround.prefix(), ciphertext, surround.suffix()].concat())
    });
    whole.chain(sealed_records()).chain(produced().into_iter().take(5)).collect()
}

pub(super) fn sealed_records() -> Vec<Vec<u8>> {
    let sealed = produced().into_iter().filter_map(|batch| {
        let mut scratch = Scratch::new(CAP);
        let produced = validate_produced(&batch, &mut scratch).ok()?;
        let mut out = Vec::new();
        seal_records(&produced, &batch, &mut scratch, &mut Copying, CAP, &mut out).ok()?;
        let mut headed = |replaces_keys| {
            let (mut sealer, mut out) = (CopyingHeaders { replaces_keys }, Vec::new());
            seal_records_with_headers(&produced, &batch, &mut scratch, &mut sealer, CAP, &mut out).ok()?;
            Some(out)
        };
        Some([out, headed(false)?, headed(true)?])
    });
    sealed.flatten().collect()
}
