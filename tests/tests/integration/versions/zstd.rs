//! Zstandard and clients of before it: Produce has it from version 7 on, Fetch from version 10 on (KIP-110). What brokers do with
//! older versions is what clients of encrypted topics get, in either format.

use tests::raw_connection::Location;
use tests::{Batch, By, Client, Cluster, Codec, Field, KafkaErrorName, Payload, Proxy, RawConnection, topic};

use crate::compaction::identity::from_a_client;

const REFUSED: Option<&str> = Some("UNSUPPORTED_COMPRESSION_TYPE");
/// As the producer has it, and whatever the producer does.
const CONFIGS: [&[(&str, &str)]; 2] = [&[], &[("compression.type", "zstd")]];

/// A topic in clear at the broker, which says what is right; the same, and encrypted ones, through the proxy.
async fn stages(config: &[(&str, &str)]) -> Vec<(String, RawConnection, Location)> {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await.bootstrap());
    let mut stages = Vec::new();
    for (prefix, address) in
        [("clear", &cluster.bootstrap()), ("clear", &proxy), ("batch", &proxy), ("record", &proxy)]
    {
        let topic = topic(&format!("{prefix}.zstd"));
        cluster.create_topic(&topic, 1, config).await;
        let at = cluster.locate(&topic, 0).await;
        let what = format!("{prefix} at {address}, {config:?}");
        stages.push((what, RawConnection::connect(address).await.unwrap(), at));
    }
    stages
}

/// A batch that a client compressed, and the same records as they are without.
async fn compressed() -> (Batch, Batch) {
    let records = Payload::new(11).orders(30);
    let batch = from_a_client(Client::Java, Codec::Zstd, &records).await.remove(0);
    // The client decides how many it puts into one.
    let count = usize::try_from(batch.field(Field::Count)).unwrap();
    (batch, Batch::of(&records[..count]))
}

fn name(error: Option<&KafkaErrorName>) -> Option<&str> {
    error.map(KafkaErrorName::as_str)
}

#[tokio::test(flavor = "multi_thread")]
async fn old_produce_with_zstd_is_refused_in_every_format_as_brokers_refuse_it() {
    let (sent, _) = compressed().await;
    for config in CONFIGS {
        for (what, mut connection, at) in stages(config).await {
            for (version, refused) in [(3, REFUSED), (6, REFUSED), (7, None)] {
                let appended = connection.produce(&at, By::Version(version), sent.clone()).await.unwrap();
                assert_eq!(name(appended.error.as_ref()), refused, "{what}, Produce {version}");
            }
            let stored = connection.fetch_all(&at, By::Id).await.unwrap();
            assert_eq!(stored.len(), 1, "{what}");
        }
    }
}

/// Brokers hand out what is stored to any version, also where the topic's configuration names the codec. Batch format restores
/// just that. What is in record format has no codec when it is opened, which every client can read.
#[tokio::test(flavor = "multi_thread")]
async fn old_fetch_gets_of_zstd_what_brokers_hand_out() {
    let (sent, plain) = compressed().await;
    for config in CONFIGS {
        for (what, mut connection, at) in stages(config).await {
            assert_eq!(connection.produce(&at, By::Version(7), sent.clone()).await.unwrap().error, None);
            let expected = if what.starts_with("record") { &plain } else { &sent };
            for version in [4, 9, 10] {
                let fetched = connection.fetch(&at, By::Version(version), 0).await.unwrap();
                assert_eq!(fetched.error, None, "{what}, Fetch {version}");
                let batches: Vec<Batch> = fetched.batches().iter().map(Batch::as_sent).collect();
                assert!(batches == std::slice::from_ref(expected), "{what}, Fetch {version}: {batches:?}");
            }
        }
    }
}
