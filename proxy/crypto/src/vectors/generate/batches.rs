//! Envelope records of batches.
#![expect(clippy::similar_names, reason = "a sealer seals what is sealed")]

mod failures;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};

use super::{DEK, data_key, dek, expect_header, long, run};
use crate::aad;
use crate::envelope::{BatchFacts, EnvelopeHeader, Format, NonceMode};
use crate::message_key::testing::derived;
use crate::seal::{BatchContext, BatchSealer};
use crate::vectors::shape::{Batch, BatchExpected};

pub(super) fn batches() -> Vec<Batch> {
    let idempotent = batch("idempotent producer", 0x01, (4711, 3, 17), 2, &long(0x61, 100));
    let mut batches = vec![
        idempotent.clone(),
        batch("producer without id", 0x02, (-1, -1, -1), 0, b"one record, as the producer compressed it"),
        batch("empty records section", 0x03, (-1, -1, -1), 0, b""),
        batch("large records section", 0x04, (i64::MAX, i16::MAX, i32::MAX), i32::MAX, &long(0, 5000)),
        batch_of_module(),
    ];
    batches.extend(failures::moved(&idempotent));
    batches.extend(failures::altered(&idempotent));
    batches.extend(failures::unreadable(&idempotent));
    batches
}

fn batch(name: &str, salt: u8, ids: (i64, i16, i32), last_offset_delta: i32, plaintext: &[u8]) -> Batch {
    let (producer_id, producer_epoch, base_sequence) = ids;
    let facts = facts(last_offset_delta);
    let sealer = BatchSealer::with_salt(&data_key(), run(salt));
    let mut header = Vec::new();
    sealer.header(&facts, &mut header);
    let unsealed = Batch {
        name: name.to_owned(),
        error: None,
        dek: hex::encode(run::<32>(DEK)),
        topic: "payments.eu".to_owned(),
        partition: 5,
        producer_id,
        producer_epoch,
        base_sequence,
        last_offset_delta,
        header: hex::encode(&header),
        sealed: String::new(),
        expected: None,
    };
    let mut sealed = plaintext.to_vec();
    let tag = sealer.seal(&header, &batch_context(&unsealed), &mut sealed).unwrap();
    sealed.extend_from_slice(&tag);
    expect_batch(Batch { sealed: hex::encode(sealed), ..unsealed }, &header, plaintext)
}

/// Nonces of a cryptographic module are written by nobody yet, but every reader must know them.
fn batch_of_module() -> Batch {
    let made = batch("nonce of a module", 0x05, (4711, 3, 20), 0, b"");
    let mut header = hex::decode(&made.header).unwrap();
    header[3] = NonceMode::Module.byte();
    let nonce_at = EnvelopeHeader::parse(&header).unwrap().nonce_range().clone();
    let mut associated = Vec::new();
    aad::batch(&mut associated, &header, &nonce_at, &batch_context(&made)).unwrap();
    let nonce = run::<12>(0xd0);
    header[nonce_at].copy_from_slice(&nonce);

    let plaintext = b"sealed where nonces are made inside";
    let (key, _) = derived(&dek(DEK), &run(0x05), Format::Batch);
    let mut sealed = plaintext.to_vec();
    let tag = Aes256Gcm::new_from_slice(&key)
        .unwrap()
        .encrypt_inout_detached(&nonce.into(), &associated, InOutBuf::from(sealed.as_mut_slice()))
        .unwrap();
    sealed.extend_from_slice(&tag);
    let batch = Batch { header: hex::encode(&header), sealed: hex::encode(sealed), ..made };
    expect_batch(batch, &header, plaintext)
}

fn expect_batch(batch: Batch, header: &[u8], plaintext: &[u8]) -> Batch {
    let envelope = EnvelopeHeader::parse(header).unwrap();
    let facts = envelope.batch_facts().unwrap();
    let mut associated = Vec::new();
    aad::batch(&mut associated, header, envelope.nonce_range(), &batch_context(&batch)).unwrap();
    let expected = BatchExpected {
        header: expect_header(&envelope),
        attributes: facts.attributes,
        record_count: facts.record_count,
        base_timestamp: facts.base_timestamp,
        max_timestamp: facts.max_timestamp,
        record_key: hex::encode(&envelope.salt()[..16]),
        aad: hex::encode(associated),
        plaintext: hex::encode(plaintext),
    };
    Batch { expected: Some(expected), ..batch }
}

fn facts(last_offset_delta: i32) -> BatchFacts {
    BatchFacts {
        attributes: 0x14,
        record_count: last_offset_delta.saturating_add(1),
        base_timestamp: 1_700_000_000_000,
        max_timestamp: 1_700_000_000_250,
    }
}

fn batch_context(batch: &Batch) -> BatchContext<'_> {
    BatchContext {
        topic: &batch.topic,
        partition: batch.partition,
        producer_id: batch.producer_id,
        producer_epoch: batch.producer_epoch,
        base_sequence: batch.base_sequence,
        last_offset_delta: batch.last_offset_delta,
    }
}
