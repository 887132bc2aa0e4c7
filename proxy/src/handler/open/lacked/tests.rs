//! What is held back, with keys of a directory.

use super::*;
use crate::live::testing::local_keys;
use crate::metrics::Metrics;
use proxy_config::{ConfigPath, PolicyFiles, ProviderName};
use tempfile::TempDir;

const RULE: &str = "rules: [{topics: [{prefix: t}], key: {name: payments}}]\n";
const TOPIC: TopicId = [1; 16];

/// An envelope header under a key, of which nobody made the data key. Version 9 of a key is above all that are there, which may only
/// not have come yet.
fn header(key: &str, version: u32, salt: u8) -> Vec<u8> {
    let mut wrapped = version.to_be_bytes().to_vec();
    wrapped.resize(4 + 12 + 32 + 16, 0);
    let mut header = vec![1, 2, 1, 1, 7];
    header.extend(b"default");
    header.push(u8::try_from(key.len()).unwrap());
    header.extend(key.as_bytes());
    header.extend(u16::try_from(wrapped.len()).unwrap().to_be_bytes());
    header.extend(wrapped);
    header.extend([salt; 32]);
    header.resize(header.len() + 16 + 12 + 8, 0);
    EnvelopeHeader::parse(&header).unwrap();
    header
}

fn lacked(header: Vec<u8>) -> LackedKey {
    LackedKey { topic: "t".into(), needed: NeededKey::Envelope(header), generation: 1 }
}

fn live(directory: &TempDir, policy: &str) -> Live {
    std::fs::write(directory.path().join("policy.yaml"), policy).unwrap();
    let files = PolicyFiles {
        file: ConfigPath::new("policy.yaml", directory.path()),
        state_file: None,
        history_settles: PolicyFiles::HISTORY_SETTLES,
    };
    let (keys, _local) = local_keys(directory.path());
    let providers = [ProviderName::new("default").unwrap()].into();
    let live = Live::new(files, providers, keys, Metrics::register(&mut Metrics::registry()).reloads);
    assert!(live.reload_policy(), "{:?}", live.last_error());
    live
}

async fn holds(policy: &str, header: Vec<u8>) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let (live, all) = (live(&directory, policy), Lacked::default());
    all.note(TOPIC, lacked(header));
    let policy = live.policy().unwrap();
    assert!(!all.still_lacks(&live, &policy, [[2; 16]].iter()).await, "another topic");
    let is_lacking = all.still_lacks(&live, &policy, [TOPIC].iter()).await;
    assert_eq!(all.of([TOPIC].iter()).is_empty(), !is_lacking, "what is not lacking is forgotten");
    is_lacking
}

#[tokio::test]
async fn what_a_provider_refuses_and_what_the_policy_does_not_know_holds_a_topic_back() {
    assert!(holds(RULE, header("nobody", 1, 0)).await);
    assert!(holds(RULE, header("payments", 9, 0)).await);
    let known = format!("{RULE}envelopeKeys: Known\n");
    assert!(holds(&known, header("former", 1, 0)).await);
}

#[tokio::test]
async fn what_no_key_will_ever_open_holds_nothing_back() {
    assert!(!holds(RULE, header("payments", 1, 0)).await, "it was altered");
}

#[test]
fn a_data_key_is_remembered_once_and_topics_up_to_a_number() {
    let all = Lacked::default();
    for salt in 0..9 {
        all.note(TOPIC, lacked(header("payments", 9, salt)));
    }
    assert_eq!(all.of([TOPIC].iter()).len(), 1);
    for version in 10..30 {
        all.note(TOPIC, lacked(header("payments", version, 0)));
    }
    assert_eq!(all.of([TOPIC].iter()).len(), MAX_KEYS);
    for topic in 0..MAX_TOPICS + 5 {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&topic.to_be_bytes());
        all.note(id, lacked(header("payments", 9, 0)));
    }
    assert_eq!(all.topics().len(), MAX_TOPICS);
}
