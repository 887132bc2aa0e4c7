//! A tap before a proxy or a broker: it hands on every byte and keeps the requests and their answers.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request or an answer as it passed by.
#[derive(Debug, Clone)]
pub struct Tapped {
    /// Which of the taken addresses it was for.
    pub address: usize,
    /// Which connection it came on.
    pub connection: usize,
    /// The frame without its length.
    pub frame: Bytes,
}

/// Frames in the order in which they came.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<Tapped>>>);

/// Listens where clients are sent to, until it is dropped.
#[derive(Debug)]
pub struct Tap {
    requests: Kept,
    answers: Kept,
    // Aborted when dropped.
    _listeners: JoinSet<()>,
}

impl Tap {
    /// Takes connections to the ports at one host, and hands them on to the same ports of another.
    pub async fn start(host: &str, ports: &[u16], to: &str) -> Self {
        let (requests, answers) = (Kept::default(), Kept::default());
        let connections = Arc::new(AtomicUsize::new(0));
        let mut listeners = JoinSet::new();
        for (address, port) in ports.iter().enumerate() {
            let listener = TcpListener::bind((host, *port)).await.expect("the port is free at this address");
            let (to, connections) = (format!("{to}:{port}"), Arc::clone(&connections));
            let kept = [requests.clone(), answers.clone()];
            listeners.spawn(async move {
                let mut taken = JoinSet::new();
                while let Ok((client, _)) = listener.accept().await {
                    let connection = connections.fetch_add(1, Ordering::Relaxed);
                    let (to, [requests, answers]) = (to.clone(), kept.clone());
                    taken.spawn(async move {
                        let tapped = |frame| Tapped { address, connection, frame };
                        let (asked, said) =
                            (|frame| requests.push(tapped(frame)), |frame| answers.push(tapped(frame)));
                        // A connection's end is no error, whoever ends it.
                        drop(hand_on(client, &to, asked, said).await);
                    });
                }
            });
        }
        Self { requests, answers, _listeners: listeners }
    }

    /// The requests that have passed by since the last time.
    pub fn take(&self) -> Vec<Tapped> {
        self.requests.take()
    }

    /// The answers that have passed by since the last time.
    pub fn take_answers(&self) -> Vec<Tapped> {
        self.answers.take()
    }
}

impl Kept {
    fn push(&self, frame: Tapped) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
    }

    fn take(&self) -> Vec<Tapped> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn hand_on(client: TcpStream, to: &str, asked: impl Fn(Bytes), said: impl Fn(Bytes)) -> io::Result<()> {
    let server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_says, client) = client.into_split();
    let (server_says, server) = server.into_split();
    // Whichever side ends first ends both.
    tokio::select! {
        ended = frames(client_says, server, asked) => ended,
        ended = frames(server_says, client, said) => ended,
    }
}

/// Hands on whole frames. One is kept before it is handed on, so that whoever has the answer finds it.
async fn frames(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, keep: impl Fn(Bytes)) -> io::Result<()> {
    loop {
        let length = from.read_u32().await?;
        let mut frame = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        from.read_exact(&mut frame).await?;
        let frame = Bytes::from(frame);
        keep(frame.clone());
        to.write_u32(length).await?;
        to.write_all(&frame).await?;
    }
}
