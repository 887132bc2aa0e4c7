//! Byte streams of both sides, plain or TLS, and writes that gather slices without copying them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A peer that takes no byte for so long is given up, so that it cannot pin memory.
const WRITE_STALL: Duration = Duration::from_mins(1);
/// Nor may a message take longer than that and a second for so many bytes.
const SLOWEST: usize = 64 * 1024;
/// Slices handed to one system call.
const MAX_SLICES: usize = 64;

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// The reading half. Plain TCP is split without a lock.
pub(crate) enum Reader {
    Plain(OwnedReadHalf),
    Tls(tokio::io::ReadHalf<Box<dyn Duplex>>),
}

/// The writing half.
pub(crate) enum Writer {
    Plain(OwnedWriteHalf),
    Tls(tokio::io::WriteHalf<Box<dyn Duplex>>),
}

pub(crate) fn split_plain(stream: TcpStream) -> (Reader, Writer) {
    let (read, write) = stream.into_split();
    (Reader::Plain(read), Writer::Plain(write))
}

pub(crate) fn split_tls(stream: Box<dyn Duplex>) -> (Reader, Writer) {
    let (read, write) = tokio::io::split(stream);
    (Reader::Tls(read), Writer::Tls(write))
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(io) => io.is_write_vectored(),
        }
    }
}

impl Writer {
    /// Tells the peer that nothing more comes; it may know already.
    pub(crate) async fn end(&mut self) {
        let _ = tokio::time::timeout(WRITE_STALL, self.shutdown()).await;
    }

    /// Writes all slices in order and flushes. Returns the number of bytes.
    pub(crate) async fn write_slices(&mut self, slices: &[&[u8]]) -> io::Result<usize> {
        let bytes: usize = slices.iter().map(|slice| slice.len()).sum();
        let seconds = u64::try_from(bytes / SLOWEST).unwrap_or(u64::MAX);
        let time = WRITE_STALL.saturating_add(Duration::from_secs(seconds));
        within(time, self.write_all_slices(slices)).await
    }

    async fn write_all_slices(&mut self, slices: &[&[u8]]) -> io::Result<usize> {
        let mut total = 0;
        for slices in slices.chunks(MAX_SLICES) {
            let mut window = [IoSlice::new(&[]); MAX_SLICES];
            let mut filled = 0;
            for (slot, slice) in window.iter_mut().zip(slices.iter().filter(|slice| !slice.is_empty())) {
                *slot = IoSlice::new(slice);
                filled += 1;
            }
            let mut rest = window.get_mut(..filled).unwrap_or_default();
            while !rest.is_empty() {
                let written = within(WRITE_STALL, self.write_vectored(rest)).await?;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                total += written;
                IoSlice::advance_slices(&mut rest, written);
            }
        }
        within(WRITE_STALL, self.flush()).await?;
        Ok(total)
    }
}

async fn within<T>(time: Duration, write: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(time, write).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the peer took no byte for too long")),
    }
}
