//! PEM: the text form of certificates and keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::pem::Pem;
use zeroize::Zeroizing;

/// Bytes of a full line of 64 characters.
const LINE: usize = 48;

pub(super) const CERTIFICATE: &str = "CERTIFICATE";
pub(super) const PRIVATE_KEY: &str = "PRIVATE KEY";

/// One block.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) contents: Zeroizing<Vec<u8>>,
}

/// All blocks of a text; nothing if one of them is damaged.
pub(super) fn decode(text: &str) -> Option<Vec<Block>> {
    let block = |pem: Pem| Block { label: pem.label, contents: Zeroizing::new(pem.contents) };
    let blocks: Vec<_> =
        Pem::iter_from_buffer(text.as_bytes()).map(|pem| pem.ok().map(block)).collect::<Option<_>>()?;
    // The parser takes any rest of a line there. Those who read the text later do not.
    let framed = |kind: &str| {
        let lines = text.lines().map(str::trim_end).filter_map(|line| line.strip_prefix(kind));
        lines.map(|line| line.strip_suffix("-----")).eq(blocks.iter().map(|block| Some(block.label.as_str())))
    };
    (framed("-----BEGIN ") && framed("-----END ")).then_some(blocks)
}

/// The certificates of a text that somebody else wrote, and nothing else of it; nothing if there are none, or a block is
/// damaged.
pub(crate) fn certificates_only(text: &str) -> Option<String> {
    let blocks = decode(text)?;
    let certificates = blocks.iter().filter(|block| block.label == CERTIFICATE);
    let texts: String = certificates.map(|block| encode(CERTIFICATE, &block.contents).to_string()).collect();
    (!texts.is_empty()).then_some(texts)
}

/// One block as text. Room for all of it is made at once, so that no copy of a key is left behind when the text grows.
pub(super) fn encode(label: &str, contents: &[u8]) -> Zeroizing<String> {
    let lines = contents.len().div_ceil(LINE);
    let mut text = Zeroizing::new(String::with_capacity(2 * label.len() + 40 + lines * 65));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    for line in contents.chunks(LINE) {
        STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_and_fits_the_room_made_for_it() {
        for length in [0, 1, 47, 48, 49, 1000] {
            let contents: Vec<u8> = (0..=255).cycle().take(length).collect();
            let text = encode(CERTIFICATE, &contents);
            assert!(text.len() <= 2 * CERTIFICATE.len() + 40 + length.div_ceil(LINE) * 65);
            assert!(text.lines().all(|line| line.len() <= 64));
            let blocks = decode(&text).unwrap();
            assert_eq!(blocks.len(), 1);
            assert_eq!((blocks[0].label.as_str(), &*blocks[0].contents), (CERTIFICATE, &contents));
        }
    }

    #[test]
    fn of_a_text_of_others_only_certificates_are_taken() {
        let [one, two] = [b"one", b"two"].map(|contents| encode(CERTIFICATE, contents).to_string());
        let key = encode(PRIVATE_KEY, b"secret");
        let all = format!("password: hunter2\n{one}subject=two\n{}{two}", *key);
        assert_eq!(certificates_only(&all), Some(format!("{one}{two}")));
        assert_eq!(certificates_only(&key), None);
        assert_eq!(certificates_only("no block"), None);
        assert_eq!(certificates_only(&format!("{one}-----BEGIN CERTIFICATE-----\n")), None);
    }

    #[test]
    fn a_damaged_block_spoils_the_text() {
        let text = encode(CERTIFICATE, b"contents");
        assert!(decode(&text.replace("-----END", "----END")).is_none());
        assert!(decode(&text.replace("=\n", "\n")).is_none());
        for cut in [text.len() - 2, text.len() - 10, text.len() / 2] {
            assert!(decode(&text[..cut]).is_none(), "{cut}");
        }
        assert!(decode("no block").unwrap().is_empty());
    }
}
