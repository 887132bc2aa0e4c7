//! AES-SIV as RFC 5297 writes it, with no more than a block cipher.

use aes_gcm::KeyInit;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, BlockSizeUser, consts::U16};

type Block = [u8; 16];

/// SIV, then ciphertext. The first half of the key is for S2V, the other for the counter mode.
pub(crate) fn encrypt<C>(key: &[u8], associated: &[&[u8]], message: &[u8]) -> Vec<u8>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let (mac_key, counter_key) = key.split_at(key.len() / 2);
    let siv = s2v(&C::new_from_slice(mac_key).unwrap(), associated, message);
    let cipher = C::new_from_slice(counter_key).unwrap();
    let mut counter = siv;
    counter[8] &= 0x7f;
    counter[12] &= 0x7f;
    let mut out = siv.to_vec();
    let mut counter = u128::from_be_bytes(counter);
    for chunk in message.chunks(16) {
        let stream = block(&cipher, counter.to_be_bytes());
        out.extend(chunk.iter().zip(stream).map(|(byte, mask)| byte ^ mask));
        counter = counter.wrapping_add(1);
    }
    out
}

fn block<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>>(cipher: &C, input: Block) -> Block {
    let mut block = input.into();
    cipher.encrypt_block(&mut block);
    block.into()
}

fn xor(one: Block, other: Block) -> Block {
    std::array::from_fn(|at| one[at] ^ other[at])
}

fn double(input: Block) -> Block {
    let number = u128::from_be_bytes(input);
    let carry = if number >> 127 == 1 { 0x87 } else { 0 };
    ((number << 1) ^ carry).to_be_bytes()
}

fn padded(part: &[u8]) -> Block {
    let mut block = [0; 16];
    block[..part.len()].copy_from_slice(part);
    block[part.len()] = 0x80;
    block
}

/// RFC 4493.
fn cmac<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>>(cipher: &C, message: &[u8]) -> Block {
    let whole = double(block(cipher, [0; 16]));
    let blocks = message.len().div_ceil(16).max(1);
    let (front, last) = message.split_at((blocks - 1) * 16);
    let last = match last.try_into() {
        Ok(last) => xor(last, whole),
        Err(_) => xor(padded(last), double(whole)),
    };
    let chained =
        front.chunks(16).fold([0; 16], |state, chunk| block(cipher, xor(state, chunk.try_into().unwrap())));
    block(cipher, xor(chained, last))
}

/// Section 2.4.
fn s2v<C>(cipher: &C, associated: &[&[u8]], message: &[u8]) -> Block
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let mut state = cmac(cipher, &[0; 16]);
    for part in associated {
        state = xor(double(state), cmac(cipher, part));
    }
    match message.len().checked_sub(16) {
        Some(start) => {
            let mut end = message.to_vec();
            end[start..].iter_mut().zip(state).for_each(|(byte, mask)| *byte ^= mask);
            cmac(cipher, &end)
        }
        None => cmac(cipher, &xor(double(state), padded(message))),
    }
}

/// Appendix A.
#[test]
fn agrees_with_the_rfc() {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let key = bytes("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let associated = bytes("101112131415161718191a1b1c1d1e1f2021222324252627");
    let sealed =
        encrypt::<aes_gcm::aes::Aes128>(&key, &[&associated], &bytes("112233445566778899aabbccddee"));
    assert_eq!(hex::encode(sealed), "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c");

    let key = bytes("7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f");
    let one = bytes("00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100");
    let (two, nonce) = (bytes("102030405060708090a0"), bytes("09f911029d74e35bd84156c5635688c0"));
    let message = b"this is some plaintext to encrypt using SIV-AES";
    let sealed = encrypt::<aes_gcm::aes::Aes128>(&key, &[&one, &two, &nonce], message);
    assert_eq!(
        hex::encode(sealed),
        "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d"
    );
}
