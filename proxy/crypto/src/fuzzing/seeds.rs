//! Envelopes that open, records and keys of earlier programs.

use super::{CONTEXT, DEK, PLAINTEXT, TIMESTAMP};
use crate::local::fuzzing as local;
use crate::{
    BatchFacts, BatchSealer, ClusterName, DataKey, Dek, HeadersSealer, KeyLimits, KeyName, KmsContext,
    PlainRecord, ProviderName, Pseudonyms, RecordHeader, RecordsSealer, SealedParts, WrappedKey,
};

fn data_key() -> DataKey {
    let context = KmsContext {
        cluster: ClusterName::new("cluster").unwrap(),
        provider: ProviderName::new("kms").unwrap(),
        key: KeyName::new("payments").unwrap(),
    };
    DataKey::new(context, Dek::from_bytes(&DEK).unwrap(), WrappedKey::new(vec![9; 64]), KeyLimits::default())
}

pub(super) fn pseudonyms() -> Pseudonyms {
    let cluster = ClusterName::new("cluster").unwrap();
    Pseudonyms::derive(&Dek::from_bytes(&DEK).unwrap(), &cluster, CONTEXT.topic).unwrap()
}

pub(super) fn envelopes() -> Vec<Vec<u8>> {
    let key = data_key();
    let input = |header: &[u8], sealed: &[u8]| {
        [&u16::try_from(header.len()).unwrap_or_default().to_be_bytes(), header, sealed].concat()
    };
    let facts =
        BatchFacts { attributes: 2, record_count: 3, base_timestamp: TIMESTAMP, max_timestamp: TIMESTAMP };
    let (mut header, mut message) = (Vec::new(), PLAINTEXT.to_vec());
    let sealer = BatchSealer::new(&key, message.len()).unwrap();
    sealer.header(&facts, &mut header);
    let tag = sealer.seal(&header, &CONTEXT, &mut message).unwrap();
    message.extend(tag);
    let batch = input(&header, &message);

    let (mut header, mut sealed) = (Vec::new(), Vec::new());
    let mut sealer = RecordsSealer::new(&key, 1, 64).unwrap();
    sealer.seal(CONTEXT.topic, Some(b"key"), TIMESTAMP, PLAINTEXT, &mut header, &mut sealed).unwrap();
    let record = input(&header, &sealed);

    let made = pseudonyms();
    let others = [(Some(PLAINTEXT), None), (None, None), (Some(PLAINTEXT), Some(&made)), (None, Some(&made))];
    let others = others.map(|(value, pseudonyms)| {
        let headers: [(RecordHeader<'_>, bool); 2] =
            [((b"secret", Some(PLAINTEXT)), true), ((b"clear", None), false)];
        let headers = headers.into_iter();
        let (topic, timestamp) = (CONTEXT.topic, TIMESTAMP);
        let record = PlainRecord { topic, key: Some(b"key"), timestamp, value, headers };
        let (mut header, mut ciphertext, mut pseudonym) = (Vec::new(), Vec::new(), Vec::new());
        let mut parts =
            SealedParts { header: &mut header, value: &mut ciphertext, pseudonym: &mut pseudonym };
        HeadersSealer::new(&key, pseudonyms, 1, 200).unwrap().seal(&record, &mut parts).unwrap();
        input(&header, &ciphertext)
    });
    [vec![batch, record, input(&crate::MARKER, &[])], others.to_vec()].concat()
}

pub(super) fn headers() -> Vec<Vec<u8>> {
    let field = |index: u8, length: u8, value: &[u8]| [&[0, 0, 0, index, 0, 0, 0, length], value].concat();
    let null = [&[0, 0, 0, 1][..], &[0xff; 4]].concat();
    let two = [&[0, 0, 0, 2][..], &field(0, 3, b"abc"), &null].concat();
    vec![
        [&[2], &two[..], b"value"].concat(),
        [&[0x82], &two[..]].concat(),
        [&[3, 0, 0, 0, 1][..], &field(2, 0, b"")].concat(),
        vec![0, 0, 0, 0, 0],
    ]
}

pub(super) fn keys() -> Vec<Vec<u8>> {
    let null = [&[0xff; 4][..], &[0; 4], b"value"].concat();
    vec![
        [&[0, 0, 0, 3][..], b"key", &[0; 4], b"value"].concat(),
        null,
        [0; 4].to_vec(),
        [0, 0, 0, 1].to_vec(),
    ]
}

pub(super) fn legacy() -> Vec<Vec<u8>> {
    let vault = b"\x06ordersvault:v1:YWJj".to_vec();
    let aws = b"\0\x04k-id\x01\x02\x03".to_vec();
    let memory = [&[128, 12][..], &[1; 12], &[2; 16], &[3; 32], &[4; 16]].concat();
    let record = |edek: &[u8]| {
        let length = u8::try_from(edek.len()).unwrap_or_default();
        [&[0, length][..], edek, &[0], &[5; 12], &[6; 40]].concat()
    };
    let value = [&[0, 1, 0, 16][..], &[1; 16], &32_u32.to_be_bytes(), &[2; 32]].concat();
    vec![record(&vault), record(&aws), record(&memory), vault, aws, memory, value]
}

pub(super) fn local() -> Vec<Vec<u8>> {
    local::seeds()
}
