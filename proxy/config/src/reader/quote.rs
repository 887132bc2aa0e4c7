//! Foreign text in a message.

/// Puts text into quotes, on one line, without control characters, and cut off where it becomes unreadable.
pub(crate) fn quote(text: &str) -> String {
    const MOST_CHARS: usize = 64;
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(MOST_CHARS).collect();
    if chars.next().is_some() { format!("{start:?}…") } else { format!("{start:?}") }
}
