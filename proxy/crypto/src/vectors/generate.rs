//! Makes the test vectors from inputs that never change.

mod batches;
mod headers;
mod pseudonyms;
mod records;
mod wraps;

use super::shape::{HeaderExpected, HeadersVectors, PseudonymsVectors, Vectors};
use crate::context::KmsContext;
use crate::dek::Dek;
use crate::envelope::EnvelopeHeader;
use crate::keys::{DataKey, KeyLimits};
use crate::local::testing::wrap;
use crate::message_key::testing::derived;
use crate::name::{ClusterName, KeyName, ProviderName};

const KEK: u8 = 0x10;
const DEK: u8 = 0x40;
const OTHER_DEK: u8 = 0x80;

pub(super) fn vectors() -> Vectors {
    Vectors {
        description:
            "Test vectors of FORMAT.md, version 1. Bytes are hexadecimal. An entry with an error must fail \
                      for that reason; all others give what is expected."
                .to_owned(),
        wraps: wraps::wraps(),
        batches: batches::batches(),
        records: records::records(),
    }
}

pub(super) fn headers() -> HeadersVectors {
    HeadersVectors {
        description: "Test vectors of FORMAT.md, version 1, format 5. Bytes are hexadecimal, headers are lists of a name and a value or \
                      null. An entry with an error must fail for that reason; all others give what is expected."
            .to_owned(),
        records: headers::records(),
    }
}

pub(super) fn pseudonyms() -> PseudonymsVectors {
    PseudonymsVectors {
        description: "Test vectors of FORMAT.md, version 1, format 6. Bytes are hexadecimal, headers are lists of a name and a value or \
                      null. A record with an error must fail for that reason; all others give what is expected."
            .to_owned(),
        pseudonyms: pseudonyms::pseudonyms(),
        records: pseudonyms::records(),
    }
}

fn run<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|at| first.wrapping_add(u8::try_from(at % 251).unwrap()))
}

fn long(first: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| first.wrapping_add(u8::try_from(at % 251).unwrap())).collect()
}

fn context() -> KmsContext {
    KmsContext {
        cluster: ClusterName::new("my-cluster").unwrap(),
        provider: ProviderName::new("default").unwrap(),
        key: KeyName::new("payments").unwrap(),
    }
}

fn dek(first: u8) -> Dek {
    Dek::from_bytes(&run::<32>(first)).unwrap()
}

fn data_key() -> DataKey {
    let wrapped = wrap(run(KEK), 2, run(0xa0), &context(), &dek(DEK));
    DataKey::new(context(), dek(DEK), wrapped, KeyLimits::default())
}

fn expect_header(envelope: &EnvelopeHeader<'_>) -> HeaderExpected {
    let (message_key, commitment) = derived(&dek(DEK), envelope.salt(), envelope.format());
    assert_eq!(commitment, envelope.commitment());
    HeaderExpected {
        nonce_mode: envelope.nonce_mode().byte(),
        provider: envelope.provider().to_owned(),
        key: envelope.key().to_owned(),
        wrapped: hex::encode(envelope.wrapped()),
        salt: hex::encode(envelope.salt()),
        commitment: hex::encode(commitment),
        nonce: hex::encode(envelope.nonce()),
        message_key: hex::encode(message_key),
    }
}

fn put(text: &mut String, at: usize, byte: u8) {
    text.replace_range(2 * at..2 * at + 2, &hex::encode([byte]));
}

fn flip(text: &mut String, at: usize) {
    let byte = hex::decode(&text[2 * at..2 * at + 2]).unwrap()[0];
    put(text, at, byte ^ 1);
}

fn cut(text: &mut String, bytes: usize) {
    text.truncate(text.len() - 2 * bytes);
}
