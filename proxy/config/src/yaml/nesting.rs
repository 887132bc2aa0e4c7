//! How deep a text nests, before the YAML library looks at it.
//!
//! The library's scanner takes time quadratic and worse in the depth of nesting: minutes for a megabyte of
//! brackets. This estimate is one linear pass and never lower than what the scanner would see. It may be
//! higher where brackets stand in plain text, but not by enough to matter for files whose longest values are
//! names and paths.

/// No file of ours nests deeper than ten.
const DEEPEST: usize = 64;

/// Where in the text the scan is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    Comment,
    Quoted(u8),
}

/// Whether brackets or the indicators of block lists and keys nest deeper than anything we would read.
pub(super) fn is_too_deep(text: &str) -> bool {
    let (mut place, mut previous, mut brackets, mut indicators) = (Place::Plain, b'\n', 0_usize, 0_usize);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (place, byte) {
            (Place::Comment | Place::Plain, b'\n' | b'\r') => (place, indicators) = (Place::Plain, 0),
            (Place::Comment, _) => {}
            // Skips what is escaped, which may be a quote.
            (Place::Quoted(b'"'), b'\\') => drop(bytes.next()),
            (Place::Quoted(quote), _) if byte == quote => place = Place::Plain,
            (Place::Plain, b'#') if previous.is_ascii_whitespace() => place = Place::Comment,
            (Place::Plain, b'"' | b'\'') if previous.is_ascii_whitespace() || b"[{,:".contains(&previous) => {
                place = Place::Quoted(byte);
            }
            // Counted in quotes too: what was taken for a quote may be none.
            (_, b'[' | b'{') => brackets += 1,
            (Place::Plain, b']' | b'}') => brackets = brackets.saturating_sub(1),
            (Place::Plain, b'-' | b'?') if previous.is_ascii_whitespace() => indicators += 1,
            _ => {}
        }
        if brackets > DEEPEST || indicators > DEEPEST {
            return true;
        }
        previous = byte;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_depth_through_quotes_and_comments() {
        for deep in ["[", "{a: ", "[\"]\", ", "[']', ", "[ # ]\n", "[\"\n]\n\", ", "[\"\\\"]\", ", "- ", "? "]
        {
            assert!(is_too_deep(&deep.repeat(65)), "{deep}");
            assert!(!is_too_deep(&deep.repeat(64)), "{deep}");
        }
    }

    #[test]
    fn long_files_are_not_deep() {
        for flat in ["- {name: \"a]\"}\n", "# don't [\n", "- a-b\n", "[x], ", "'it''s', ", "a: b # {\n"] {
            assert!(!is_too_deep(&flat.repeat(10_000)), "{flat}");
        }
    }
}
