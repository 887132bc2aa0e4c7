use proptest::prelude::*;

use super::*;
use crate::codec::Codec;

proptest! {
    #[test]
    fn bytes_come_back_as_they_were(mut bytes: [u8; 32], tail: [u8; 29]) {
        let mut whole = [0; BATCH_HEADER_LEN];
        bytes[8] &= 0x7f;
        bytes[10] |= 0x40;
        bytes[16] = 2;
        whole[..32].copy_from_slice(&bytes);
        whole[32..].copy_from_slice(&tail);
        prop_assert_eq!(BatchHeader::parse(&whole).map(|header| header.to_bytes()), Ok(whole));
    }
}

#[test]
fn refuses_other_magic_short_input_and_impossible_length() {
    let mut bytes = [0; BATCH_HEADER_LEN];
    assert_eq!(BatchHeader::parse(&bytes[..60]), Err(HeaderError::Truncated));
    assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Magic(0)));
    bytes[16] = 2;
    bytes[11] = 48;
    assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Length(48)));
    bytes[8] = 0xff;
    assert!(matches!(BatchHeader::parse(&bytes), Err(HeaderError::Length(..0))));
}

#[test]
fn attributes_change_one_thing_at_a_time() {
    let all = Attributes(i16::from_be_bytes([0xff, 0xf8 | 3]));
    assert_eq!(all.codec(), Ok(Codec::Lz4));
    assert_eq!(all.with_codec(Codec::Zstd).0, i16::from_be_bytes([0xff, 0xf8 | 4]));
    assert!(!all.with_log_append_time(false).has_log_append_time());
    assert!(all.with_log_append_time(false).is_control());
    assert!(!all.without_delete_horizon().has_delete_horizon());
    assert!(all.without_control().is_transactional());
    assert!(Attributes(5).codec().is_err());
}

#[test]
fn completed_header_has_the_crc_of_all_parts() {
    let mut bytes = [0; BATCH_HEADER_LEN];
    bytes[16] = 2;
    bytes[11] = 49;
    let mut header = BatchHeader::parse(&bytes).unwrap();
    let mut batch = header.complete(&[b"ab", b"", b"cde"]).to_vec();
    batch.extend_from_slice(b"abcde");
    assert_eq!(header.batch_len(), batch.len());
    assert!(crc_matches(&batch));
    batch[65] ^= 1;
    assert!(!crc_matches(&batch));
}
