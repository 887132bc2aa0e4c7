//! Answers of a broker that come a byte at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kafka_protocol::messages::MetadataRequest;
use tests::{Batch, By, Cluster, Pattern, Payload, PolicyFile, Proxy, RawConnection, Rule, topic};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, yield_now};

/// A relay before a broker.
struct Trickle {
    address: String,
    /// Bytes of answers that have gone through.
    bytes: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

impl Trickle {
    async fn before(broker: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (broker, counted) = (broker.clone(), Arc::clone(&counted));
                connections.spawn(async move {
                    // A connection's end is no error, whoever ends it.
                    drop(relay(client, &broker, &counted).await);
                });
            }
        });
        Self { address, bytes, _task: task }
    }

    fn passed(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

async fn relay(mut client: TcpStream, broker: &str, counted: &AtomicU64) -> std::io::Result<()> {
    let mut broker = TcpStream::connect(broker).await?;
    client.set_nodelay(true)?;
    let (mut requests, mut to) = client.split();
    let (mut answers, mut from) = broker.split();
    let back = async {
        loop {
            let byte = answers.read_u8().await?;
            to.write_all(&[byte]).await?;
            counted.fetch_add(1, Ordering::Relaxed);
            // The proxy may read it before the next one.
            yield_now().await;
        }
    };
    tokio::select! {
        ended = copy(&mut requests, &mut from) => ended.map(drop),
        ended = back => ended,
    }
}

/// Metadata is rewritten and records are opened as if the answers had come in one piece.
/// Conformance: TE-19.
#[tokio::test(flavor = "multi_thread")]
async fn answers_in_single_bytes_are_passed_on() {
    let cluster = Cluster::shared().await;
    let trickle = Trickle::before(cluster.bootstrap()).await;
    let rule = |format: &str| {
        let topics = Pattern::prefix(&format!("{format}.").to_lowercase());
        Rule::encrypt([topics], "slow").format(format).on_plaintext("Reject")
    };
    let policy = PolicyFile::new(["Batch", "Record"].map(rule));
    let proxy = Proxy::builder(vec![trickle.address.clone()], 1).policy(policy).start().await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    for version in [1, 8, 12] {
        let request = MetadataRequest::default().with_topics(Some(Vec::new()));
        let answer = connection.call(&request, version).await.unwrap();
        let brokers = answer.brokers.iter().map(|broker| format!("{}:{}", broker.host.as_str(), broker.port));
        assert_eq!(brokers.collect::<Vec<_>>(), [proxy.broker_address(0)], "version {version}");
    }
    for prefix in ["batch", "record", "clear"] {
        let topic = topic(&format!("{prefix}.trickle"));
        cluster.create_topic(&topic, 1, &[]).await;
        let at = cluster.locate(&topic, 0).await;
        let sent = Batch::of(&Payload::new(7).orders(5));
        let appended = connection.produce(&at, By::Id, sent.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{topic}: {:?}", appended.message);
        for version in [4, 11, 12, 17] {
            let before = trickle.passed();
            let fetched = connection.fetch(&at, By::Version(version), 0).await.unwrap();
            assert_eq!(fetched.error, None, "{topic}, version {version}");
            let batches: Vec<_> = fetched.batches().iter().map(Batch::as_sent).collect();
            assert_eq!(batches, [sent.as_sent()], "{topic}, version {version}");
            let size = u64::try_from(sent.bytes().len()).unwrap();
            assert!(trickle.passed() - before >= size, "the answer came another way");
        }
    }
}
