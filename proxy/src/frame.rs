//! Kafka's framing: a four-byte length, then the message. Lengths are checked before memory is taken.

use crate::budget::{Budget, Grant};
use crate::io::Reader;
use bytes::{Buf, BufMut, BytesMut};
use std::time::Duration;
use thiserror::Error;
use tokio::io::AsyncReadExt;

const PREFIX: usize = 4;
/// What a connection may read before its frame has a share of the budget.
const READ_AHEAD: usize = 64 * 1024;
/// One read while the length is not known.
const FIRST_READ: usize = 16 * 1024;
/// A larger buffer is given back when its frame is done, so that idle connections stay small.
const KEEP_BYTES: usize = 1024 * 1024;

/// Memory is reserved up to this before the bytes come; more only as they come.
const RESERVE_BYTES: usize = 4 * 1024 * 1024;
/// A frame that has begun must be whole within this and a second for every [`SLOWEST`] bytes, not counting the wait for
/// its share of the budget.
const FRAME_TIME: Duration = Duration::from_secs(30);
const SLOWEST: usize = 1024 * 1024;
/// While a frame holds its share of the budget, some byte must come within this.
const STALL: Duration = Duration::from_secs(5);

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
}

impl FrameReader {
    pub(crate) fn new(io: Reader, max: usize, budget: Budget) -> Self {
        Self { io, buffer: BytesMut::new(), max, budget }
    }

    /// The next frame; `None` when the peer ended between two frames.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        while self.buffer.len() < PREFIX {
            if !self.fill(FIRST_READ).await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
        }
        let length = self.buffer.get_i32();
        let size = usize::try_from(length)
            .ok()
            .filter(|size| *size <= self.max)
            .ok_or(FrameError::Size(length, self.max))?;
        let grant = self.rest(size).await?;
        Ok(Some(Frame { bytes: self.buffer.split_to(size), grant }))
    }

    /// Reads until the buffer holds the frame. A peer that announces much and sends little gets little memory.
    async fn rest(&mut self, size: usize) -> Result<Grant, FrameError> {
        if self.buffer.len() >= size {
            return Ok(Grant::default());
        }
        let slow = |_| FrameError::Slow(size);
        // Address space, not memory: pages are taken as bytes come.
        self.buffer.reserve(size.min(RESERVE_BYTES).saturating_sub(self.buffer.len()));
        let ahead = size.min(READ_AHEAD);
        tokio::time::timeout(FRAME_TIME, self.read_to(ahead)).await.map_err(slow)??;
        if self.buffer.len() >= size {
            return Ok(Grant::default());
        }
        let grant = self.budget.grant(size).await;
        let time = FRAME_TIME + Duration::from_secs(u64::try_from(size / SLOWEST).unwrap_or(u64::MAX));
        tokio::time::timeout(time, self.read_steadily(size)).await.map_err(slow)??;
        Ok(grant)
    }

    async fn read_steadily(&mut self, size: usize) -> Result<(), FrameError> {
        let mut seen = self.buffer.len();
        loop {
            match tokio::time::timeout(STALL, self.read_to(size)).await {
                Ok(read) => return read,
                Err(_) if self.buffer.len() == seen => return Err(FrameError::Slow(size)),
                Err(_) => seen = self.buffer.len(),
            }
        }
    }

    /// Cancel-safe: what has come stays in the buffer.
    async fn read_to(&mut self, size: usize) -> Result<(), FrameError> {
        while self.buffer.len() < size {
            if self.buffer.len() == self.buffer.capacity() {
                let more = self.buffer.len().max(RESERVE_BYTES).min(size - self.buffer.len());
                self.buffer.reserve(more);
            }
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

    /// Takes back a frame's memory for the next one, or frees it when it is large.
    pub(crate) fn recycle(&mut self, frame: Frame) {
        if self.buffer.is_empty() && frame.bytes.capacity() > KEEP_BYTES {
            self.buffer = BytesMut::new();
        }
        drop(frame);
    }

    async fn fill(&mut self, want: usize) -> Result<bool, FrameError> {
        self.buffer.reserve(want.clamp(1, FIRST_READ));
        // Not all of the reserved space: what is not granted yet is not read either.
        let mut space = (&mut self.buffer).limit(want.max(FIRST_READ));
        Ok(self.io.read_buf(&mut space).await.map_err(FrameError::Read)? > 0)
    }
}
