//! What the poller tells, and how often.

use super::*;
use crate::live::testing;
use crate::metrics::Metrics;
use proxy_config::{ConfigPath, PolicyFiles, ProviderName};
use std::path::Path;
use std::sync::Mutex;

pub(crate) fn poller(directory: &Path) -> (Arc<Live>, Poller) {
    let metrics = Metrics::register(&mut Metrics::registry()).reloads;
    let files = PolicyFiles {
        file: ConfigPath::new("policy.yaml", directory),
        state_file: Some(ConfigPath::new("policy.yaml.state", directory)),
        history_settles: PolicyFiles::HISTORY_SETTLES,
    };
    let (keys, _local) = testing::local_keys(directory);
    let providers = [ProviderName::new("default").unwrap()].into();
    let live = Arc::new(Live::new(files, providers, keys, metrics.clone()));
    (Arc::clone(&live), Poller::new(live, metrics))
}

#[test]
fn counts_a_mistake_once_until_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let (_, mut poller) = poller(directory.path());
    let seen = |changed, problem: Option<&str>| Seen { changed, problem: problem.map(str::to_owned) };
    let sights = vec![
        seen(true, None),
        seen(false, None),
        seen(true, Some("b")),
        seen(false, Some("a")),
        seen(false, Some("a")),
    ];
    let sights = Arc::new(Mutex::new(sights));
    poller.watch_keys("test", move || sights.lock().unwrap().pop().unwrap());
    for _ in 0..5 {
        poller.look();
    }
    let keys = &poller.metrics.keys;
    assert_eq!((keys.count(Outcome::Failed), keys.count(Outcome::Loaded)), (2, 2));
    assert!(poller.complaints.is_empty());
}

/// Conformance: P17-29.
#[tokio::test]
async fn follows_the_link_that_a_kubelet_swaps() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for (version, text) in [("1", "rules: []\n"), ("2", "unmatchedTopics: Reject\nrules: []\n")] {
        std::fs::create_dir(path(version)).unwrap();
        std::fs::write(path(version).join("policy.yaml"), text).unwrap();
    }
    std::os::unix::fs::symlink("1", path("data")).unwrap();
    std::os::unix::fs::symlink("data/policy.yaml", path("policy.yaml")).unwrap();
    let (live, poller) = poller(directory.path());
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(poller.run(shutdown.clone()));
    generation(&live, 1).await;
    std::os::unix::fs::symlink("2", path("next")).unwrap();
    std::fs::rename(path("next"), path("data")).unwrap();
    generation(&live, 2).await;
    shutdown.cancel();
    running.await.unwrap();
}

async fn generation(live: &Live, wanted: u64) {
    let reached = async {
        while live.policy().map_or(0, |policy| policy.generation) < wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
}
