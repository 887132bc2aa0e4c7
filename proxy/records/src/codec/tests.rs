use std::io::Write;

use lz4_flex::frame::{BlockMode, FrameDecoder, FrameEncoder, FrameInfo};
use proptest::prelude::*;

use super::*;
use crate::arbitrary;
use crate::sample::CAP;

const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

fn text(len: usize) -> Vec<u8> {
    let mut state = 9_u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"abcdefgh    \"\"::"[(state >> 28) as usize]
    })
    .take(len)
    .collect()
}

fn pack(codec: Codec, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Codecs::new(CAP).compress(codec, input, &mut out).unwrap();
    out
}

fn unpack(codec: Codec, input: &[u8], cap: usize) -> Result<Vec<u8>, CodecError> {
    let mut out = b"to be replaced".to_vec();
    Codecs::new(cap).decompress(codec, input, &mut out).map(|()| out)
}

proptest! {
    #[test]
    fn reads_what_it_wrote(codec in arbitrary::codec(), bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        prop_assert_eq!(unpack(codec, &pack(codec, &bytes), CAP), Ok(bytes));
    }

    #[test]
    fn survives_arbitrary_and_damaged_input(
        codec in arbitrary::codec(),
        noise in prop::collection::vec(any::<u8>(), 0..500),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let _ = unpack(codec, &noise, 1 << 20);
        let mut damaged = pack(codec, &text(3000));
        let at = at.index(damaged.len());
        damaged[at] = byte;
        let _ = unpack(codec, &damaged, 1 << 20);
        damaged.truncate(at);
        let _ = unpack(codec, &damaged, 1 << 20);
    }
}

#[test]
fn large_input_comes_back_and_truncation_shows() {
    let input = text(700_000);
    let mut codecs = Codecs::new(CAP);
    let mut out = Vec::new();
    for codec in ALL {
        let packed = pack(codec, &input);
        for _ in 0..2 {
            codecs.decompress(codec, &packed, &mut out).unwrap();
            assert!(out == input, "{codec:?}");
        }
        if codec != Codec::None {
            assert!(packed.len() < input.len(), "{codec:?} makes {}", packed.len());
            assert_eq!(
                unpack(codec, &packed[..packed.len() - 3], CAP),
                Err(CodecError::Corrupt),
                "{codec:?}"
            );
        }
    }
}

#[test]
fn appends_what_it_compresses() {
    for codec in ALL {
        let mut out = b"before".to_vec();
        Codecs::new(CAP).compress(codec, b"content", &mut out).unwrap();
        assert_eq!(unpack(codec, out.strip_prefix(b"before").unwrap(), CAP).unwrap(), b"content");
    }
}

#[test]
fn cap_is_exact() {
    for (codec, len) in ALL.into_iter().flat_map(|codec| [1000, 100_000, 65_536].map(|len| (codec, len))) {
        let packed = pack(codec, &text(len));
        assert_eq!(unpack(codec, &packed, len).map(|out| out.len()), Ok(len), "{codec:?}");
        assert_eq!(unpack(codec, &packed, len - 1), Err(CodecError::TooLarge(len - 1)), "{codec:?}");
    }
}

#[test]
fn bombs_end_at_the_cap() {
    let zeros = vec![0; 64 << 20];
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        assert_eq!(
            unpack(codec, &pack(codec, &zeros), 1 << 20),
            Err(CodecError::TooLarge(1 << 20)),
            "{codec:?}"
        );
    }
    // A size that is only claimed.
    assert_eq!(unpack(Codec::Snappy, b"\xff\xff\xff\x07\0a", CAP), Err(CodecError::Corrupt));
}

/// A frame may say that its blocks are of 4 MiB, and be of hundreds of thousands of blocks of a few bytes.
#[test]
fn tiny_lz4_blocks_take_no_more_room_than_they_can_fill() {
    const BLOCKS: usize = 1_000;
    let start = lz4::Descriptor::independent(lz4::BlockSize::Mb4);
    let empty = b"\x01\0\0\0\0".repeat(BLOCKS);
    let stored = b"\0\0\0\x80".repeat(BLOCKS);
    let of_one_byte = b"\x02\0\0\0\x10a".repeat(BLOCKS);
    let mut codecs = Codecs::new(CAP);
    for (blocks, len) in [(empty, 0), (stored, 0), (of_one_byte, BLOCKS)] {
        let mut out = Vec::new();
        codecs.decompress(Codec::Lz4, &[&start, &*blocks, &lz4::END_MARK].concat(), &mut out).unwrap();
        assert_eq!(out, b"a".repeat(len));
        assert!(out.capacity() < 4 * BLOCKS, "{} bytes were cleared", out.capacity());
    }
}

#[test]
fn several_members_and_frames_are_one_content() {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let packed = [pack(codec, b"one, "), pack(codec, b""), pack(codec, b"two")].concat();
        assert_eq!(unpack(codec, &packed, CAP).unwrap(), b"one, two", "{codec:?}");
    }
    let skippable = [b"\x5f\x2a\x4d\x18\x03\0\0\0xyz".as_slice(), &pack(Codec::Lz4, b"content")].concat();
    assert_eq!(unpack(Codec::Lz4, &skippable, CAP).unwrap(), b"content");
}

#[test]
fn reads_bare_snappy() {
    let input = text(100_000);
    let packed = snap::raw::Encoder::new().compress_vec(&input).unwrap();
    assert!(unpack(Codec::Snappy, &packed, CAP).unwrap() == input);
}

#[test]
fn writes_snappy_in_blocks_of_the_java_library() {
    let packed = pack(Codec::Snappy, &text(40_000));
    assert_eq!(&packed[..16], b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    let first = u32::from_be_bytes(packed[16..20].try_into().unwrap()) as usize;
    assert_eq!(snap::raw::decompress_len(&packed[20..20 + first]).unwrap(), 32 * 1024);
}

#[test]
fn reads_all_kinds_of_lz4_frames() {
    let input = text(400_000);
    for mode in [BlockMode::Linked, BlockMode::Independent] {
        for (checksums, size) in [(false, None), (true, Some(400_000))] {
            for block_size in [lz4_flex::frame::BlockSize::Max64KB, lz4_flex::frame::BlockSize::Max1MB] {
                let info = FrameInfo::new()
                    .block_mode(mode)
                    .block_size(block_size)
                    .block_checksums(checksums)
                    .content_checksum(checksums)
                    .content_size(size);
                let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
                encoder.write_all(&input).unwrap();
                let packed = encoder.finish().unwrap();
                assert!(unpack(Codec::Lz4, &packed, CAP).unwrap() == input, "{mode:?} {checksums}");
            }
        }
    }
}

#[test]
fn lz4_frames_are_read_by_the_library() {
    let input = text(200_000);
    let mut out = Vec::new();
    std::io::copy(&mut FrameDecoder::new(pack(Codec::Lz4, &input).as_slice()), &mut out).unwrap();
    assert!(out == input);
}

#[test]
fn zstd_without_content_size_is_read() {
    let input = text(300_000);
    let mut context = zstd_safe::CCtx::create();
    let mut out = vec![0; 400_000];
    let mut buffer = zstd_safe::OutBuffer::around(out.as_mut_slice());
    let mut source = zstd_safe::InBuffer::around(&input[..150_000]);
    context.compress_stream(&mut buffer, &mut source).unwrap();
    let mut source = zstd_safe::InBuffer::around(&input[150_000..]);
    context.compress_stream(&mut buffer, &mut source).unwrap();
    assert_eq!(context.end_stream(&mut buffer), Ok(0));
    let len = buffer.pos();
    out.truncate(len);
    assert_eq!(zstd_safe::get_frame_content_size(&out).unwrap(), None);
    assert!(unpack(Codec::Zstd, &out, CAP).unwrap() == input);
    assert!(unpack(Codec::Zstd, &out, input.len()).unwrap() == input);
    assert_eq!(unpack(Codec::Zstd, &out, input.len() - 1), Err(CodecError::TooLarge(input.len() - 1)));
}
