//! A tap between clients and a proxy: it hands on every byte and keeps the requests.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request as it passed by.
#[derive(Debug, Clone)]
pub struct Tapped {
    /// Which of the taken addresses it was for.
    pub address: usize,
    /// Which connection it came on.
    pub connection: usize,
    /// The frame without its length.
    pub frame: Bytes,
}

/// Listens where clients are sent to, until it is dropped.
#[derive(Debug)]
pub struct Tap {
    requests: Arc<Mutex<Vec<Tapped>>>,
    // Aborted when dropped.
    _listeners: JoinSet<()>,
}

impl Tap {
    /// Takes connections to the ports at one host, and hands them on to the same ports of another.
    pub async fn start(host: &str, ports: &[u16], to: &str) -> Self {
        let requests = Arc::default();
        let connections = Arc::new(AtomicUsize::new(0));
        let mut listeners = JoinSet::new();
        for (address, port) in ports.iter().enumerate() {
            let listener = TcpListener::bind((host, *port)).await.expect("the port is free at this address");
            let (to, requests, connections) =
                (format!("{to}:{port}"), Arc::clone(&requests), Arc::clone(&connections));
            listeners.spawn(async move {
                let mut taken = JoinSet::new();
                while let Ok((client, _)) = listener.accept().await {
                    let connection = connections.fetch_add(1, Ordering::Relaxed);
                    let (to, requests) = (to.clone(), Arc::clone(&requests));
                    taken.spawn(async move {
                        let keep = |frame| keep(&requests, Tapped { address, connection, frame });
                        // A connection's end is no error, whoever ends it.
                        drop(hand_on(client, &to, keep).await);
                    });
                }
            });
        }
        Self { requests, _listeners: listeners }
    }

    /// What has passed by since the last time.
    pub fn take(&self) -> Vec<Tapped> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn keep(requests: &Mutex<Vec<Tapped>>, request: Tapped) {
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
}

async fn hand_on(client: TcpStream, to: &str, keep: impl Fn(Bytes)) -> io::Result<()> {
    let server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_says, mut client) = client.into_split();
    let (mut server_says, server) = server.into_split();
    // Whichever side ends first ends both.
    tokio::select! {
        ended = requests(client_says, server, keep) => ended,
        ended = copy(&mut server_says, &mut client) => ended.map(drop),
    }
}

async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    keep: impl Fn(Bytes),
) -> io::Result<()> {
    loop {
        let length = client.read_u32().await?;
        let mut frame = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        client.read_exact(&mut frame).await?;
        let frame = Bytes::from(frame);
        keep(frame.clone());
        server.write_u32(length).await?;
        server.write_all(&frame).await?;
    }
}
