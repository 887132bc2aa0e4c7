//! Trials of keys that nothing may need.

use tokio::time::Instant;

use super::*;

const CALLS_PER_SECOND: u32 = 10;

fn slow_paced() -> KeyLimits {
    KeyLimits { calls_per_second: CALLS_PER_SECOND, ..limits() }
}

/// Tries so many keys at once.
fn try_all(keys: &Arc<Keys>, count: usize) -> tokio::task::JoinSet<Result<(), ProviderError>> {
    let one = |index: usize| {
        let keys = Arc::clone(keys);
        async move { keys.verify("kms", format!("k{index}")).await }
    };
    (0..count).map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn trials_keep_to_their_pace_and_hold_up_nothing_else() {
    let (keys, provider) = keys(slow_paced());
    let known = header(&provider).await;
    keys.unwrap(&EnvelopeHeader::parse(&known).unwrap(), "t").await.unwrap();
    tokio::time::advance(10 * MINUTE).await;
    let start = Instant::now();
    let trials = try_all(&keys, 15);
    settle().await;
    let new = header(&provider).await;
    keys.unwrap(&EnvelopeHeader::parse(&new).unwrap(), "t").await.unwrap();
    keys.data_key("kms", "k").await.unwrap();
    provider.set(Mood::Refusing);
    assert!(
        is_refused(&keys.unwrap(&EnvelopeHeader::parse(&known).unwrap(), "t").await),
        "a revoked key is noticed at once"
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
    provider.set(Mood::Well);
    let before = read(&provider.generated) + read(&provider.unwrapped);
    for trial in trials.join_all().await {
        trial.unwrap();
    }
    assert_eq!(read(&provider.generated) + read(&provider.unwrapped) - before, 29, "one was made at once");
    assert_eq!(start.elapsed(), Duration::from_millis(2900), "one every 100 ms");
}

#[tokio::test(start_paused = true)]
async fn a_data_key_in_a_file_is_tried_at_the_same_pace() {
    let (keys, _) = keys(slow_paced());
    let start = Instant::now();
    for _ in 0..5 {
        keys.verify("kms", "k").await.unwrap();
        keys.verify_wrapped("kms", "k", &[1; 33]).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::from_millis(1400), "three calls each time");
}

/// Members of share groups wait for a key that way, and no longer than brokers let them.
#[tokio::test(start_paused = true)]
async fn trials_that_are_given_up_hold_up_no_others() {
    let (keys, _) = keys(slow_paced());
    let mut given_up = try_all(&keys, 300);
    tokio::time::sleep(Duration::from_secs(1)).await;
    given_up.shutdown().await;
    let start = Instant::now();
    keys.verify("kms", "k").await.unwrap();
    assert!(start.elapsed() <= Duration::from_millis(600), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn trials_of_a_provider_that_is_left_alone_do_not_wait() {
    let (keys, provider) = keys(slow_paced());
    provider.set(Mood::Unavailable);
    let failed = try_all(&keys, 5).join_all().await;
    assert!(failed.iter().all(is_unavailable));
    let (start, calls) = (Instant::now(), provider.calls());
    for index in 0..100 {
        assert!(is_unavailable(&keys.verify("kms", format!("k{index}")).await));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(provider.calls(), calls);
}
