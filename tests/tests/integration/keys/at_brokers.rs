//! What brokers have of keys: references, and data keys wrapped by keys that they never see.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use proxy_crypto::{ClusterName, KeyName, KeyProvider as _, KmsContext, LocalKeys, ProviderName};
use tests::payload::random_bytes;
use tests::segments::StoredBatch;
use tests::{Batch, Cluster, Pattern, PolicyFile, Proxy, Rule, Segments, SentRecord};

use super::{create, write};
use crate::tampering::envelope::{NAME, Part};

/// A key as it is, and as text.
fn forms(key: &[u8]) -> Vec<Vec<u8>> {
    let hex = key.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    // Without the last letters, which depend on what follows.
    let text = [STANDARD_NO_PAD.encode(key), URL_SAFE_NO_PAD.encode(key)].map(|text| text[..40].to_owned());
    let texts = [hex.to_uppercase(), hex].into_iter().chain(text).map(String::into_bytes);
    std::iter::once(key.to_vec()).chain(texts).collect()
}

/// The wrapped data keys of these batches, each once.
fn wrapped(stored: &[StoredBatch]) -> Vec<Vec<u8>> {
    let headers = stored.iter().flat_map(|batch| &batch.records).filter_map(|record| record.headers.first());
    let ours = headers.filter(|(name, _)| name == NAME).filter_map(|(_, value)| value.as_deref());
    let mut keys: Vec<_> = ours
        .map(|header| {
            let version = Part::WrappedVersion.range(header);
            header[version.start..Part::Wrapped.range(header).end].to_vec()
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// P17-16: neither a key of the provider nor a data key is at a broker, in any form that people keep keys in.
#[tokio::test(flavor = "multi_thread")]
async fn brokers_have_no_key() {
    let cluster = Cluster::shared().await;
    let rule = |format: &str| {
        let topics = Pattern::prefix(&format!("at-brokers.{format}"));
        Rule::encrypt([topics], "a").format(format)
    };
    let policy = PolicyFile::new(["Batch", "Record"].map(rule));
    // So that nothing but the key given here is ever the key a.
    let proxy = Proxy::before(cluster).policy(policy).key("b", 1).start().await;
    let kek = random_bytes(32);
    proxy.write_key_bytes("a", 1, &kek);
    proxy.wait_for_key_state("a", "Ready").await;
    let batch = Batch::of(&[SentRecord::of("some value").key("some key")]);
    let mut folders = Vec::new();
    for format in ["Batch", "Record"] {
        let topic = create(&format!("at-brokers.{format}")).await;
        write(&proxy, &topic, &batch).await.unwrap();
        folders.extend(cluster.topic_dirs(&topic));
    }
    let wrapped = wrapped(&Segments::of(&folders).dump().await);
    assert!(!wrapped.is_empty(), "no data key is found to search for");

    let provider = ProviderName::new("default").unwrap();
    let keys = LocalKeys::open(proxy.keys_folder(), provider.clone());
    let context = KmsContext {
        cluster: ClusterName::new("test-cluster").unwrap(),
        provider,
        key: KeyName::new("a").unwrap(),
    };
    let mut needles = forms(&kek);
    for wrapped in &wrapped {
        let dek = keys.unwrap(&context, wrapped).await.unwrap();
        needles.extend(forms(dek.expose()));
    }
    // What is there is found.
    needles.push(wrapped[0].clone());
    let metadata = cluster.data_dirs().into_iter().map(|folder| folder.join("__cluster_metadata-0"));
    folders.extend(metadata.filter(|folder| folder.is_dir()));
    let search = Segments::of(folders).search(&needles).await;
    let (there, keys) = search.places.split_last().unwrap();
    assert!(!there.is_empty(), "the search finds nothing: {search:?}");
    assert!(keys.iter().all(Vec::is_empty), "a key is at a broker: {search:?}");
}
