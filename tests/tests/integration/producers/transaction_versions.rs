//! Transactions of both versions of the protocol: the first, and KIP-890's, in which each transaction has an epoch of its own.

use std::time::Duration;

use kafka_protocol::messages::UpdateFeaturesRequest;
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::protocol::StrBytes;
use tests::{
    Client, Cluster, ConsumeOptions, Pattern, Payload, PolicyFile, ProduceOptions, Proxy, RawConnection,
    Rule, Segments, SentRecord, assert_same, eventually_ok, topic,
};

const FEATURE: &str = "transaction.version";
const PATIENCE: Duration = Duration::from_secs(30);
/// `UpdateFeatures` says so that a level may be lower than before.
const SAFE_DOWNGRADE: i8 = 2;
const UPGRADE: i8 = 1;

/// The level of the feature, as clients learn it through the proxy.
async fn level(proxy: &Proxy) -> i16 {
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let features = connection.api_versions().await.unwrap().finalized_features;
    features
        .iter()
        .find(|feature| feature.name.as_str() == FEATURE)
        .map_or(0, |found| found.max_version_level)
}

/// Brings the cluster to this level, and waits until clients hear of it.
async fn change(cluster: &Cluster, proxy: &Proxy, wanted: i16) {
    let now = level(proxy).await;
    if now != wanted {
        let update = FeatureUpdateKey::default()
            .with_feature(StrBytes::from_static_str(FEATURE))
            .with_max_version_level(wanted)
            .with_upgrade_type(if wanted < now { SAFE_DOWNGRADE } else { UPGRADE });
        let request = UpdateFeaturesRequest::default().with_feature_updates(vec![update]);
        let answer = cluster.admin().await.call(&request.with_timeout_ms(20_000), 2).await.unwrap();
        assert_eq!(answer.error_code, 0, "{answer:?}");
    }
    let told = async || match level(proxy).await {
        level if level == wanted => Ok(()),
        level => Err(level),
    };
    eventually_ok("clients are told the version of transactions", PATIENCE, told).await;
}

/// By how much the epoch of a transaction's marker is above that of its records, for each that is stored.
async fn epochs_of_markers(cluster: &Cluster, topic: &str) -> Vec<i64> {
    let mut of_records = 0;
    let mut above = Vec::new();
    for batch in Segments::of(cluster.topic_dirs(topic)).dump().await {
        let epoch = batch.fields["epoch"].as_i64().unwrap();
        assert_eq!(batch.fields["transactional"], true, "{batch:?}");
        if batch.fields["control"] == true {
            above.push(epoch - of_records);
        } else {
            of_records = epoch;
        }
    }
    above
}

/// Transactions of one version, of which every other one is aborted.
async fn transactions(cluster: &Cluster, proxy: &Proxy, version: i16, format: &str) {
    let topic = topic(&format!("{format}.transactions-v{version}"));
    cluster.create_topic(&topic, 1, &[]).await;
    let mut payload = Payload::new(51);
    let (mut all, mut committed): (Vec<SentRecord>, Vec<SentRecord>) = (Vec::new(), Vec::new());
    for (commit, records) in [(true, 40), (false, 30), (true, 1), (false, 1), (true, 20)] {
        let sent = payload.orders(records);
        let options = ProduceOptions::to(proxy.bootstrap(), &topic).transaction(&topic, commit);
        Client::Java.produce_all(&options, &sent).await;
        all.extend(sent.iter().cloned());
        committed.extend(if commit { sent } else { Vec::new() });
    }
    // A transaction has ended for the client before its marker is in the log.
    let marked = async || {
        let above = epochs_of_markers(cluster, &topic).await;
        if above.len() == 5 { Ok(above) } else { Err(format!("{above:?}")) }
    };
    let above = eventually_ok("each transaction has its marker", PATIENCE, marked).await;
    assert_eq!(above, [i64::from(version) - 1; 5], "{topic}: the client took the other version");
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic);
    for reader in [Client::Java, Client::Python, Client::Go] {
        let seen = reader.consume_all(&options.clone().read_committed()).await;
        assert_same(&format!("{topic}: {reader}, committed"), &committed, &seen);
        let seen = reader.consume_all(&options.clone().option("--isolation", "read_uncommitted")).await;
        assert_same(&format!("{topic}: {reader}, uncommitted"), &all, &seen);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_records_are_seen_and_aborted_ones_are_not_in_both_versions_of_transactions() {
    let cluster = Cluster::builder().start().await;
    let rule = |format: &str| {
        let topics = Pattern::prefix(&format!("{format}.").to_lowercase());
        Rule::encrypt([topics], "transactions").format(format).on_plaintext("Reject")
    };
    let policy = PolicyFile::new(["Batch", "Record"].map(rule));
    let proxy = Proxy::before(&cluster).policy(policy).start().await;
    for version in [2, 1] {
        change(&cluster, &proxy, version).await;
        tokio::join!(
            transactions(&cluster, &proxy, version, "batch"),
            transactions(&cluster, &proxy, version, "record")
        );
    }
}
