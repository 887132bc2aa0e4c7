//! A TCP relay that a test can make fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::Identity;
use crate::ports::Ports;

/// What is wrong on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Nobody listens.
    Refused,
    /// Connections are accepted and never answered.
    Silent,
    /// Every connection waits for so long first.
    Slow(Duration),
    /// Everything that the server says comes so much later.
    Late(Duration),
    /// Connections end after the first bytes of an answer.
    Cut,
    /// Somebody else answers, with something else.
    Garbage,
}

/// A relay on a loopback port. Dropped, it ends.
#[derive(Debug)]
pub struct Faults {
    ports: Ports,
    fault: watch::Sender<Fault>,
    /// What is so by now.
    now: watch::Receiver<Fault>,
    connections: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Faults {
    /// A relay to `server`. `identity` is what it shows when it answers by itself.
    pub async fn before(server: SocketAddr, identity: &Identity) -> Self {
        let ports = Ports::take(1);
        let address = SocketAddr::from(([127, 0, 0, 1], ports.port(0)));
        let (fault, changes) = watch::channel(Fault::None);
        let (is, now) = watch::channel(Fault::None);
        let mut task = JoinSet::new();
        let (connections, waiting) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counts = (Arc::clone(&connections), Arc::clone(&waiting));
        let tls = acceptor(identity);
        let relay = Arc::new(Relay { server, tls, connections: counts.0, waiting: counts.1 });
        let listener = TcpListener::bind(address).await.expect("the port is ours");
        task.spawn(relay.run(address, listener, changes, is));
        Self { ports, fault, now, connections, waiting, _task: task }
    }

    /// The port of the relay.
    pub fn port(&self) -> u16 {
        self.ports.port(0)
    }

    /// Connections that came so far, whatever became of them. None come while nobody listens.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections whose client still waits for the first byte, while the way is silent.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Makes the way fail, for connections that there are too; done when it is so.
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        self.now.clone().wait_for(|now| *now == fault).await.expect("the relay runs");
    }
}

struct Relay {
    server: SocketAddr,
    tls: TlsAcceptor,
    connections: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
}

/// One of those who wait, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Relay {
    async fn run(
        self: Arc<Self>,
        address: SocketAddr,
        listener: TcpListener,
        mut changes: watch::Receiver<Fault>,
        is: watch::Sender<Fault>,
    ) {
        let mut listener = Some(listener);
        loop {
            // Dropped with each change, and with them every connection.
            let mut connections = JoinSet::new();
            let fault = *changes.borrow_and_update();
            if fault == Fault::Refused {
                listener = None;
            } else if listener.is_none() {
                listener = Some(TcpListener::bind(address).await.expect("the port is still ours"));
            }
            is.send_replace(fault);
            loop {
                let accept = async {
                    match &listener {
                        Some(listener) => listener.accept().await.expect("a connection comes").0,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    client = accept => {
                        self.connections.fetch_add(1, Ordering::Relaxed);
                        let relay = Arc::clone(&self);
                        connections.spawn(async move { relay.serve(client, fault).await });
                    }
                    news = changes.changed() => {
                        if news.is_err() {
                            return;
                        }
                        break;
                    }
                }
            }
        }
    }

    async fn serve(&self, mut client: TcpStream, fault: Fault) {
        match fault {
            Fault::Refused => {}
            Fault::Silent => {
                let waiting = Waiting::new(&self.waiting);
                drain(&mut client).await;
                drop(waiting);
                std::future::pending::<()>().await;
            }
            Fault::Garbage => {
                let Ok(mut client) = self.tls.accept(client).await else { return };
                let mut request = [0; 4096];
                let _ = client.read(&mut request).await;
                let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 17\r\n\r\n<html>404</html>\n";
                let _ = client.write_all(page.as_bytes()).await;
                let _ = client.shutdown().await;
            }
            Fault::None | Fault::Slow(_) | Fault::Late(_) | Fault::Cut => {
                if let Fault::Slow(time) = fault {
                    tokio::time::sleep(time).await;
                }
                let Ok(mut server) = TcpStream::connect(self.server).await else { return };
                if fault == Fault::Cut {
                    let mut first = [0; 100];
                    let (mut from, mut to) = client.split();
                    let (mut answers, mut requests) = server.split();
                    let forward = tokio::io::copy(&mut from, &mut requests);
                    let back = async {
                        if let Ok(length) = answers.read(&mut first).await {
                            let _ = to.write_all(first.get(..length).unwrap_or_default()).await;
                        }
                    };
                    tokio::select! { _ = forward => {}, () = back => {} }
                } else if let Fault::Late(time) = fault {
                    let (mut from, mut to) = client.split();
                    let (mut answers, mut requests) = server.split();
                    let forward = tokio::io::copy(&mut from, &mut requests);
                    tokio::select! { _ = forward => {}, () = delayed(&mut answers, &mut to, time) => {} }
                } else {
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            }
        }
    }
}

/// Copies with a delay, until either side ends.
async fn delayed(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), time: Duration) {
    let mut bytes = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(time).await;
        if to.write_all(bytes.get(..length).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}

/// Until the client ends.
async fn drain(client: &mut TcpStream) {
    let mut bytes = [0; 1024];
    while client.read(&mut bytes).await.is_ok_and(|length| length > 0) {}
}

pub(super) fn acceptor(identity: &Identity) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(&identity.certificate).expect("the certificate is there");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("it is PEM");
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("the key is PEM");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    TlsAcceptor::from(Arc::new(config.expect("they belong together")))
}
