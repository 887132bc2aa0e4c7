//! Byte streams of both sides, plain or TLS, and writes that gather slices without copying them.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A peer that takes no byte for so long is given up, so that it cannot pin memory.
const WRITE_STALL: Duration = Duration::from_mins(1);
/// Nor may a message take longer than that and a second for so many bytes.
const SLOWEST: usize = 64 * 1024;
/// Where others wait for the memory that a message holds, its peer must take so much of it in each of these times.
const PRESSED: Duration = Duration::from_secs(5);
const PRESSED_PART: usize = 5 * SLOWEST;
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
        self.write_slices_unless(|| false, slices).await
    }

    /// The same, but a peer that hardly reads is given up as soon as `pressed` says that others wait for the memory.
    pub(crate) async fn write_slices_unless(
        &mut self,
        pressed: impl Fn() -> bool,
        slices: &[&[u8]],
    ) -> io::Result<usize> {
        let bytes: usize = slices.iter().map(|slice| slice.len()).sum();
        let seconds = u64::try_from(bytes / SLOWEST).unwrap_or(u64::MAX);
        let time = WRITE_STALL.saturating_add(Duration::from_secs(seconds));
        let written = AtomicUsize::new(0);
        let steadily = async {
            let mut writing = pin!(self.write_all_slices(slices, &written));
            let mut before = 0;
            loop {
                if let Ok(result) = tokio::time::timeout(PRESSED, &mut writing).await {
                    return result;
                }
                let now = written.load(Ordering::Relaxed);
                if now - before < PRESSED_PART && pressed() {
                    return Err(stalled());
                }
                before = now;
            }
        };
        within(time, steadily).await?;
        Ok(bytes)
    }

    async fn write_all_slices(&mut self, slices: &[&[u8]], total: &AtomicUsize) -> io::Result<()> {
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
                total.fetch_add(written, Ordering::Relaxed);
                IoSlice::advance_slices(&mut rest, written);
            }
        }
        within(WRITE_STALL, self.flush()).await
    }
}

async fn within<T>(time: Duration, write: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(time, write).await {
        Ok(result) => result,
        Err(_) => Err(stalled()),
    }
}

fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the peer took too little for too long")
}
