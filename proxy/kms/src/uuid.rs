//! Ids that systems give to keys.

/// How many digits the parts of a UUID have.
const PARTS: [usize; 5] = [8, 4, 4, 4, 12];

/// Whether it is a UUID, as it is usually written.
pub(crate) fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == PARTS.len() && parts.iter().zip(PARTS).all(|(part, digits)| is_hex(part, digits))
}

/// Whether it is so many hexadecimal digits.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
}
