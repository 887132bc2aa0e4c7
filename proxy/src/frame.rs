//! Kafka's framing: a four-byte length, then the message. Lengths are checked before memory is taken.

use crate::budget::{Budget, Grant};
use crate::io::Reader;
use crate::strangers::Newcomer;
use bytes::{Buf, BufMut, BytesMut};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::AsyncReadExt;

const PREFIX: usize = 4;
/// One read while the length is not known, and what a connection keeps between two frames.
const FIRST_READ: usize = 16 * 1024;
/// Frames up to this share one small buffer and need no share of the budget: the number of connections bounds them.
/// A larger one gets memory of its own, of exactly its size.
pub(crate) const SMALL: usize = 64 * 1024;
/// A frame that has begun must be whole within this and a second for every [`SLOWEST`] bytes, not counting the wait for
/// its share of the budget.
const FRAME_TIME: Duration = Duration::from_secs(30);
const SLOWEST: usize = 4 * 1024 * 1024;
/// While a frame holds its share of the budget, its part of the bytes must come within each of these.
const WINDOW: Duration = Duration::from_secs(5);

/// One message without its length prefix, and its share of the byte budget.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: BytesMut,
    #[expect(dead_code, reason = "held until the frame is done")]
    grant: Grant,
}

#[derive(Debug, Error)]
pub(crate) enum FrameError {
    #[error("failed to read a frame")]
    Read(#[source] std::io::Error),
    #[error("frame of {0} bytes is outside 0..={1}")]
    Size(i32, usize),
    #[error("connection ended inside a frame")]
    Truncated,
    #[error("a frame of {0} bytes took too long to come")]
    Slow(usize),
}

pub(crate) struct FrameReader {
    io: Reader,
    buffer: BytesMut,
    max: usize,
    budget: Budget,
    /// Whose frames they are, if a client's.
    newcomer: Option<Arc<Newcomer>>,
}

impl FrameReader {
    pub(crate) fn new(io: Reader, max: usize, budget: Budget) -> Self {
        Self { io, buffer: BytesMut::new(), max, budget, newcomer: None }
    }

    /// Of a client that may be a stranger.
    pub(crate) fn of(self, newcomer: Arc<Newcomer>) -> Self {
        Self { newcomer: Some(newcomer), ..self }
    }

    /// The next frame; `None` when the peer ended between two frames.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        while self.buffer.len() < PREFIX {
            if !self.fill(FIRST_READ).await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
        }
        let length = self.buffer.get_i32();
        let size = self.allow(length)?;
        // A peer that announces much and sends little gets little memory. Nor does it keep any from others: what every connection may
        // have without a share of the budget comes first.
        let early = tokio::time::timeout(FRAME_TIME, self.read_to(size.min(SMALL)));
        early.await.map_err(|_| FrameError::Slow(size))??;
        if size <= SMALL || self.buffer.len() >= size {
            return Ok(Some(Frame { bytes: self.buffer.split_to(size), grant: Grant::default() }));
        }
        self.large(length).await.map(Some)
    }

    fn allow(&self, length: i32) -> Result<usize, FrameError> {
        let max = self.newcomer.as_ref().map_or(self.max, |newcomer| newcomer.most().min(self.max));
        usize::try_from(length).ok().filter(|size| *size <= max).ok_or(FrameError::Size(length, max))
    }

    /// Reads the rest of a large frame into memory of its own, once the budget has granted it: all at once, since those who wait for
    /// more while they hold some would wait for each other.
    async fn large(&mut self, length: i32) -> Result<Frame, FrameError> {
        let grant = self.budget.grant(self.allow(length)?).await;
        // Brokers may have told meanwhile that it is a stranger's.
        let size = self.allow(length)?;
        let mut bytes = BytesMut::with_capacity(size);
        bytes.extend_from_slice(&self.buffer);
        self.buffer = BytesMut::new();
        read_steadily(&mut self.io, &mut bytes, size).await?;
        Ok(Frame { bytes, grant })
    }

    /// Cancel-safe: what has come stays in the buffer.
    async fn read_to(&mut self, size: usize) -> Result<(), FrameError> {
        while self.buffer.len() < size {
            if !self.fill(size - self.buffer.len()).await? {
                return Err(FrameError::Truncated);
            }
        }
        Ok(())
    }

    /// Waits for bytes where none are expected; cancel-safe. `false` at the end of the stream.
    pub(crate) async fn readable(&mut self) -> Result<bool, FrameError> {
        if !self.buffer.is_empty() {
            return Ok(true);
        }
        self.fill(FIRST_READ).await
    }

    /// Throws away what still comes, until the peer ends too: closing over unread bytes would reset the connection, and
    /// the peer might lose what was sent to it last.
    pub(crate) async fn discard(&mut self) {
        loop {
            self.buffer.clear();
            if !self.fill(FIRST_READ).await.unwrap_or(false) {
                return;
            }
        }
    }

    /// Frees a frame that is done, and what it made the connection's buffer grow to.
    pub(crate) fn recycle(&mut self, frame: Frame) {
        drop(frame);
        if self.buffer.is_empty() && self.buffer.capacity() > FIRST_READ {
            self.buffer = BytesMut::new();
        }
    }

    async fn fill(&mut self, want: usize) -> Result<bool, FrameError> {
        self.buffer.reserve(want.clamp(1, SMALL));
        read(&mut self.io, &mut self.buffer, want.max(FIRST_READ)).await
    }
}

/// Who holds a share of the budget and sends little gives it back soon.
async fn read_steadily(io: &mut Reader, bytes: &mut BytesMut, size: usize) -> Result<(), FrameError> {
    let windows =
        (FRAME_TIME.as_secs() + u64::try_from(size / SLOWEST).unwrap_or(u64::MAX)) / WINDOW.as_secs();
    let part = size / usize::try_from(windows).unwrap_or(usize::MAX).max(1);
    while bytes.len() < size {
        let goal = bytes.len().saturating_add(part).min(size);
        let reading = async {
            while bytes.len() < goal {
                let want = size - bytes.len();
                if !read(io, bytes, want).await? {
                    return Err(FrameError::Truncated);
                }
            }
            Ok(())
        };
        tokio::time::timeout(WINDOW, reading).await.map_err(|_| FrameError::Slow(size))??;
    }
    Ok(())
}

/// Reads once, at most so many bytes into the room that is there: what is not granted yet is not read either.
async fn read(io: &mut Reader, bytes: &mut BytesMut, most: usize) -> Result<bool, FrameError> {
    let mut room = bytes.limit(most);
    Ok(io.read_buf(&mut room).await.map_err(FrameError::Read)? > 0)
}

#[cfg(test)]
mod tests;
