//! A message put together from parts of the received frame and of a side buffer, without copying payload.

use std::ops::Range;

/// Where a part's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// In the frame that was received.
    Frame(Range<usize>),
    /// In the side buffer.
    Side(Range<usize>),
}

/// The parts in order. Reused from message to message.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    parts: Vec<Piece>,
    side: Vec<u8>,
    length: usize,
    /// Up to here the frame has been taken over or left out.
    cursor: usize,
}

/// Side buffers that grew beyond this are given back.
const KEEP_BYTES: usize = 16 * 1024;

impl Pieces {
    pub(crate) fn clear(&mut self) {
        self.parts.clear();
        self.side.clear();
        self.length = 0;
        self.cursor = 0;
    }

    /// Takes over the frame as it is up to `end`.
    pub(crate) fn keep_until(&mut self, end: usize) {
        if end > self.cursor {
            self.frame(self.cursor..end);
        }
        self.cursor = self.cursor.max(end);
    }

    /// Leaves the frame out up to `end`.
    pub(crate) fn skip_until(&mut self, end: usize) {
        self.cursor = self.cursor.max(end);
    }

    /// Appends bytes of the frame, wherever they are.
    pub(crate) fn frame(&mut self, range: Range<usize>) {
        self.length += range.len();
        if let Some(Piece::Frame(last)) = self.parts.last_mut()
            && last.end == range.start
        {
            last.end = range.end;
            return;
        }
        self.parts.push(Piece::Frame(range));
    }

    /// Appends bytes that `write` puts into the side buffer.
    pub(crate) fn side(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let range = self.store(write);
        self.stored(range);
    }

    /// Puts bytes into the side buffer for a later [`Self::stored`].
    pub(crate) fn store(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.side.len();
        write(&mut self.side);
        start..self.side.len()
    }

    /// Gives back what a large message needed. Call it when the message is written, so that an idle connection is small.
    pub(crate) fn trim(&mut self) {
        self.clear();
        if self.side.capacity() > KEEP_BYTES {
            self.side = Vec::new();
        }
    }

    /// The side buffer, to append to. What is appended is sent only if it is [`Self::stored`].
    pub(crate) fn side_buffer(&mut self) -> &mut Vec<u8> {
        &mut self.side
    }

    /// Appends bytes that were stored before.
    pub(crate) fn stored(&mut self, range: Range<usize>) {
        self.length += range.len();
        if let Some(Piece::Side(last)) = self.parts.last_mut()
            && last.end == range.start
        {
            last.end = range.end;
            return;
        }
        self.parts.push(Piece::Side(range));
    }

    /// Whether nothing was put together yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Bytes of the whole message.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The length prefix and the message, as slices.
    pub(crate) fn message<'a>(&'a self, prefix: &'a [u8], frame: &'a [u8]) -> Vec<&'a [u8]> {
        std::iter::once(prefix).chain(self.slices(frame)).collect()
    }

    /// The slices in order.
    pub(crate) fn slices<'a>(&'a self, frame: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.parts.iter().map(move |piece| match piece {
            Piece::Frame(range) => frame.get(range.clone()).unwrap_or_default(),
            Piece::Side(range) => self.side.get(range.clone()).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_skips_and_inserts_in_order() {
        let frame = b"0123456789";
        let mut pieces = Pieces::default();
        pieces.keep_until(3);
        pieces.skip_until(5);
        pieces.side(|side| side.extend_from_slice(b"ab"));
        pieces.side(|side| side.push(b'c'));
        pieces.keep_until(frame.len());
        let joined: Vec<u8> = pieces.slices(frame).flatten().copied().collect();
        assert_eq!(joined, b"012abc56789");
        assert_eq!(pieces.len(), joined.len());
        assert_eq!(pieces.slices(frame).count(), 3);
    }
}
