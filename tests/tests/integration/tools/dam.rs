//! A relay before a broker that stops after so many bytes, so that a command can be caught half-way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::ports::Ports;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(super) struct Dam {
    ports: Ports,
    _task: JoinSet<()>,
}

impl Dam {
    /// Lets so many bytes of answers through, over all connections.
    pub(super) async fn before(server: String, bytes: usize) -> Self {
        let ports = Ports::take(1);
        let listener = TcpListener::bind(("127.0.0.1", ports.port(0))).await.expect("the port is ours");
        let left = Arc::new(AtomicUsize::new(bytes));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, left) = (server.clone(), Arc::clone(&left));
                connections.spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        relay(client, server, &left).await;
                    }
                });
            }
        });
        Self { ports, _task: task }
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.port(0))
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, left: &AtomicUsize) {
    let (mut from, mut to) = client.split();
    let (mut answers, mut requests) = server.split();
    let back = async {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = answers.read(&mut bytes).await {
            if left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length))
                .is_err()
            {
                std::future::pending::<()>().await;
            }
            if to.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(copy(&mut from, &mut requests), back).0.ok();
}
