//! Records whose keys are sealed with their values.

use super::*;

fn seal_with_keys(batch: &[u8]) -> Vec<u8> {
    seal_with(Toy { replaces_keys: true, ..Toy::default() }, batch)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn records_come_back_with_their_keys_as_without_encryption(
        batch in arbitrary::batch(),
        codec in arbitrary::codec(),
        handling in arbitrary::handling(),
    ) {
        let sent = batch.build(codec);
        let (stats, received) = open(&handling.store(&seal_with_keys(&sent), |_| false));
        let mut expected = SampleBatch::parse(&handling.store(&sent, |_| false));
        let received = SampleBatch::parse(&received);
        expected.header = received.header;
        prop_assert_eq!(&received, &expected);
        prop_assert_eq!(stats.encrypted + stats.markers, expected.records.len(), "tombstones too");
        prop_assert_eq!(stats.clear + stats.unreadable + stats.unsealed_tombstones, 0);
    }

    #[test]
    fn no_key_is_stored_and_equal_keys_stay_equal(batch in arbitrary::batch(), codec in arbitrary::codec()) {
        let stored = SampleBatch::parse(&seal_with_keys(&batch.build(codec)));
        for (sent, stored) in batch.records.iter().zip(&stored.records) {
            prop_assert_eq!(&stored.key, &sent.key.as_deref().map(toy_pseudonym));
            prop_assert_eq!(sent.value.is_none(), stored.value.is_none(), "tombstones stay tombstones");
            prop_assert_eq!(stored.headers.len(), sent.headers.len() + 1, "each has an envelope or a marker");
        }
    }
}

#[test]
fn only_what_has_nothing_to_seal_gets_a_marker() {
    let trace = |record: SampleRecord| SampleRecord {
        headers: vec![(TOY_SEALED.to_vec(), Some(b"x".to_vec()))],
        ..record
    };
    let records = vec![
        record(None, None),
        trace(record(None, None)),
        record(Some("k"), None),
        record(None, Some("v")),
        record(Some(""), None),
    ];
    let stored = SampleBatch::parse(&seal_with_keys(&SampleBatch::new(records).build(Codec::None)));
    let formats = stored.records.iter().map(|record| record.headers[0].1.as_ref().unwrap()[1]);
    assert_eq!(formats.collect::<Vec<_>>(), [3, 6, 6, 6, 6]);
}

#[test]
fn headers_of_an_envelope_with_a_key_that_were_moved_are_an_error() {
    // As long as one of ours is at least.
    let envelope = [&[1, 6][..], &[0; 80]].concat();
    let headers = vec![(b"other".to_vec(), None), ours(&envelope)];
    let moved = SampleRecord { headers, ..record(Some("pseudonym"), Some("ciphertext")) };
    assert_eq!(failure(vec![moved]), Some(OpenRecordsError::UnknownEnvelope));
}
