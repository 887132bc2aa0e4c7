//! What a batch costs on its way through the proxy, without cryptography.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use proxy_records::{
    BATCH_HEADER_LEN, Codec, OpenedRecord, OpenedValue, OriginalBatch, Recognised, Record, RecordOpener,
    RecordSealer, Scratch, Surround, open_records, recognise, restored_header, seal_records,
    validate_produced,
};

#[path = "../src/sample.rs"]
mod sample;

use sample::{CAP, SampleBatch};

const SHAPES: [(&str, usize, usize); 2] = [("1000x100", 1000, 100), ("64x1024", 64, 1024)];
const CODECS: [Codec; 3] = [Codec::None, Codec::Lz4, Codec::Zstd];
const ENVELOPE: [u8; 120] = {
    let mut envelope = [7; 120];
    envelope[0] = 1;
    envelope[1] = 1;
    envelope
};

/// Every shape with every codec; throughput is that of the uncompressed batch.
fn each(criterion: &mut Criterion, name: &str, mut bench: impl FnMut(&mut criterion::Bencher<'_>, &[u8])) {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    for (shape, count, len) in SHAPES {
        let batch = SampleBatch::text(count, len);
        group.throughput(Throughput::Bytes(batch.section().len() as u64));
        for codec in CODECS {
            let bytes = batch.build(codec);
            let id = BenchmarkId::new(shape, format!("{codec:?}"));
            group.bench_with_input(id, &bytes, |bencher, bytes| bench(bencher, bytes));
        }
    }
    group.finish();
}

fn surrounded(batch: &[u8]) -> Vec<u8> {
    let mut scratch = Scratch::new(CAP);
    let produced = validate_produced(batch, &mut scratch).unwrap();
    let mut surround = Surround::default();
    surround.prepare(&produced, scratch.stubs(), &[7; 16], &ENVELOPE).unwrap();
    surround.finish(&batch[BATCH_HEADER_LEN..], &[9; 16]);
    [surround.prefix(), &batch[BATCH_HEADER_LEN..], surround.suffix()].concat()
}

/// A cipher that costs little more than a copy, adds what an envelope does, and leaves nothing to compress.
struct Masking {
    noise: Vec<u8>,
    at: usize,
}

impl Masking {
    fn new() -> Self {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        Self { noise: noise.take(1 << 20).collect(), at: 0 }
    }
}

impl RecordSealer for Masking {
    type Error = ();

    fn seal(
        &mut self,
        _: Option<&[u8]>,
        value: &[u8],
        _: i64,
        header: &mut Vec<u8>,
        sealed: &mut Vec<u8>,
    ) -> Result<(), ()> {
        header.extend_from_slice(&[1, 2]);
        header.extend_from_slice(&[5; 60]);
        self.at = (self.at + 1117) % (self.noise.len() / 2);
        let mask = &self.noise[self.at..];
        sealed.extend(value.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        sealed.extend_from_slice(&mask[value.len()..value.len() + 16]);
        Ok(())
    }
}

impl RecordOpener for Masking {
    type Error = ();

    fn open(
        &mut self,
        _: &[u8],
        _: Option<&[u8]>,
        sealed: &[u8],
        _: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<OpenedValue, ()> {
        out.extend_from_slice(&sealed[..sealed.len() - 16]);
        Ok(OpenedValue::Plain)
    }

    fn open_with_headers(
        &mut self,
        _: &[u8],
        _: &Record<'_>,
        _: Option<i64>,
        _: &mut Vec<u8>,
        _: &mut Vec<u8>,
    ) -> Result<OpenedRecord, ()> {
        Err(())
    }
}

fn benches(criterion: &mut Criterion) {
    let mut scratch = Scratch::new(CAP);
    let mut cipher = Masking::new();
    each(criterion, "validate", |bencher, batch| {
        bencher.iter(|| validate_produced(black_box(batch), &mut scratch).unwrap().first_timestamp_delta);
    });
    each(criterion, "surround", |bencher, batch| {
        let produced = validate_produced(batch, &mut scratch).unwrap();
        let mut surround = Surround::default();
        bencher.iter(|| {
            surround.prepare(black_box(&produced), scratch.stubs(), &[7; 16], &ENVELOPE).unwrap();
            surround.finish(&batch[BATCH_HEADER_LEN..], &[9; 16]);
            surround.suffix().len()
        });
    });
    each(criterion, "recognise and restore", |bencher, batch| {
        let stored = surrounded(batch);
        let original = OriginalBatch { attributes: 0, record_count: 1, base_timestamp: 0, max_timestamp: 0 };
        bencher.iter(|| {
            let Ok(Recognised::Batch(sealed)) = recognise(black_box(&stored), &mut scratch) else { panic!() };
            restored_header(&sealed.header, &original, &stored[sealed.sealed])
        });
    });
    each(criterion, "recognise clear", |bencher, batch| {
        bencher.iter(|| matches!(recognise(black_box(batch), &mut scratch), Ok(Recognised::Clear { .. })));
    });
    each(criterion, "seal records", |bencher, batch| {
        let produced = validate_produced(batch, &mut scratch).unwrap();
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            seal_records(black_box(&produced), batch, &mut scratch, &mut cipher, CAP, &mut out).unwrap();
            out.len()
        });
    });
    each(criterion, "open records", |bencher, batch| {
        let produced = validate_produced(batch, &mut scratch).unwrap();
        let mut stored = Vec::new();
        seal_records(&produced, batch, &mut scratch, &mut cipher, CAP, &mut stored).unwrap();
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            let Ok(Recognised::Records(section)) = recognise(black_box(&stored), &mut scratch) else {
                panic!()
            };
            open_records(&stored, section, &mut scratch, &mut cipher, &mut out).unwrap().encrypted
        });
    });
}

criterion_group!(rewrite, benches);
criterion_main!(rewrite);
