//! Data keys that seal.

use super::*;

/// Conformance: TE-04.
#[tokio::test(start_paused = true)]
async fn one_key_serves_until_its_budget_ends() {
    let (keys, provider) = keys(limits());
    let first = keys.data_key("kms", "k").await.unwrap();
    spend(&first, 7);
    assert!(Arc::ptr_eq(&first, &keys.data_key("kms", "k").await.unwrap()));
    assert_eq!(provider.calls(), (1, 0));
    spend(&first, 3);
    assert!(!first.charge(1, 0));
    let second = keys.data_key("kms", "k").await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(provider.calls(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_ends_with_the_first_batch_that_does_not_fit() {
    for (limit, batch) in [("messages", (6, 0)), ("bytes", (1, 600))] {
        let (keys, _) = keys(limits());
        let first = keys.data_key("kms", "k").await.unwrap();
        assert!(first.charge(batch.0, batch.1), "{limit}");
        assert!(!first.charge(batch.0, batch.1) && first.is_spent(), "{limit}: more than is left");
        let second = keys.data_key("kms", "k").await.unwrap();
        assert!(second.charge(batch.0, batch.1), "{limit}: it fits into the next one");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_larger_than_a_budget_has_a_key_of_its_own() {
    let (keys, _) = keys(limits());
    for (messages, bytes) in [(11, 0), (1, 1001)] {
        let key = keys.data_key("kms", "k").await.unwrap();
        assert!(key.charge(messages, bytes));
        assert!(!key.charge(1, 1));
        let next = keys.data_key("kms", "k").await.unwrap();
        assert!(next.charge(1, 1));
        assert!(!next.charge(messages, bytes), "that is not the first");
    }
}

/// Conformance: TE-15.
#[tokio::test(start_paused = true)]
async fn bytes_and_age_end_a_key_too() {
    let (keys, _) = keys(limits());
    let key = keys.data_key("kms", "k").await.unwrap();
    assert!(key.charge(1, 1000));
    assert_eq!(BatchSealer::new(&key, 1).unwrap_err(), SealError::Spent);
    let next = keys.data_key("kms", "k").await.unwrap();
    assert!(!Arc::ptr_eq(&key, &next));
    tokio::time::advance(60 * MINUTE).await;
    assert_eq!(BatchSealer::new(&next, 1).unwrap_err(), SealError::Spent);
    assert!(!Arc::ptr_eq(&next, &keys.data_key("kms", "k").await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn next_key_is_fetched_before_this_one_ends() {
    let (keys, provider) = keys(limits());
    let first = keys.data_key("kms", "k").await.unwrap();
    spend(&first, 8);
    provider.set(Mood::Slow(Duration::from_secs(1)));
    assert!(Arc::ptr_eq(&first, &keys.data_key("kms", "k").await.unwrap()), "does not wait");
    assert!(Arc::ptr_eq(&first, &keys.data_key("kms", "k").await.unwrap()), "nor asks twice");
    settle().await;
    assert_eq!(provider.calls(), (2, 0));
    // It is made and unwrapped.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let second = keys.data_key("kms", "k").await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(first.charge(1, 1), "the old one goes on to its hard limit");
}

#[tokio::test(start_paused = true)]
async fn a_key_past_its_limit_is_never_used_however_the_provider_is() {
    let (keys, provider) = keys(limits());
    let key = keys.data_key("kms", "k").await.unwrap();
    spend(&key, 9);
    provider.set(Mood::Unavailable);
    assert!(keys.data_key("kms", "k").await.is_ok(), "budget is left");
    settle().await;
    spend(&key, 1);
    assert!(is_unavailable(&keys.data_key("kms", "k").await));
}

/// Conformance: TE-B13.
#[tokio::test(start_paused = true)]
async fn a_storm_is_one_call() {
    let (keys, provider) = keys(limits());
    provider.set(Mood::Slow(Duration::from_secs(1)));
    let storm: Vec<_> = (0..100)
        .map(|_| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.data_key("kms", "k").await.unwrap() })
        })
        .collect();
    let mut got = Vec::new();
    for request in storm {
        got.push(request.await.unwrap());
    }
    assert!(got.iter().all(|key| Arc::ptr_eq(key, &got[0])));
    assert_eq!(provider.calls(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_when_its_first_asker_leaves() {
    let (keys, provider) = keys(limits());
    provider.set(Mood::Slow(Duration::from_secs(1)));
    let impatient = tokio::time::timeout(Duration::from_millis(100), keys.data_key("kms", "k")).await;
    assert!(impatient.is_err());
    assert!(keys.data_key("kms", "k").await.is_ok());
    assert_eq!(provider.calls(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn failure_is_repeated_for_a_moment_and_then_recovers() {
    let (keys, provider) = keys(limits());
    provider.set(Mood::Unavailable);
    for _ in 0..50 {
        assert!(is_unavailable(&keys.data_key("kms", "k").await));
    }
    assert_eq!(provider.calls(), (1, 0));
    assert_eq!(read(&keys.stats().repeated_failures), 49);
    provider.set(Mood::Well);
    pass_pause().await;
    assert!(keys.data_key("kms", "k").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_time_limit() {
    let (keys, provider) = keys(limits());
    provider.set(Mood::Silent);
    let start = tokio::time::Instant::now();
    let result = keys.data_key("kms", "k").await;
    assert!(is_unavailable(&result));
    assert!(start.elapsed() < Duration::from_secs(6));
    assert_eq!(
        result.unwrap_err().to_string(),
        "key provider 'kms' is unavailable for key 'k': no answer within 5000 ms"
    );
    assert_eq!(read(&keys.stats().timeouts), 1);
}

#[tokio::test(start_paused = true)]
async fn circuit_opens_after_failures_and_closes_after_one_success() {
    let (keys, provider) = keys(limits());
    provider.set(Mood::Unavailable);
    for _ in 0..5 {
        assert!(is_unavailable(&keys.data_key("kms", "k").await));
        pass_pause().await;
        // Between the calls the circuit is closed; only the fifth failure opens it.
    }
    // The pause of the circuit began with the fifth failure and may be over by now: another failure opens it again.
    pass_pause().await;
    assert!(is_unavailable(&keys.data_key("kms", "k").await));
    assert!(keys.is_out_of_reach("kms"));
    let calls = provider.calls();
    assert!(is_unavailable(&keys.data_key("kms", "another").await));
    assert_eq!(provider.calls(), calls, "left alone");
    provider.set(Mood::Well);
    tokio::time::advance(Duration::from_secs(4)).await;
    assert!(keys.is_out_of_reach("kms"), "until it answers");
    assert!(keys.data_key("kms", "k").await.is_ok());
    assert!(!keys.is_out_of_reach("kms"));
}

#[tokio::test(start_paused = true)]
async fn new_epoch_has_a_new_key_made() {
    let (keys, provider) = keys(limits());
    let first = keys.data_key("kms", "k").await.unwrap();
    provider.epoch.store(1, Ordering::Relaxed);
    let second = keys.data_key("kms", "k").await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    provider.epoch.store(2, Ordering::Relaxed);
    provider.set(Mood::Unavailable);
    assert!(Arc::ptr_eq(&second, &keys.data_key("kms", "k").await.unwrap()), "lives on in an outage");
    provider.epoch.store(3, Ordering::Relaxed);
    provider.set(Mood::Refusing);
    assert!(is_refused(&keys.data_key("kms", "k").await));
}

/// Conformance: TE-16.
#[tokio::test(start_paused = true)]
async fn revocation_stops_sealing_within_its_delay() {
    let (keys, provider) = keys(limits());
    let key = keys.data_key("kms", "k").await.unwrap();
    tokio::time::advance(9 * MINUTE).await;
    assert!(Arc::ptr_eq(&key, &keys.data_key("kms", "k").await.unwrap()));
    settle().await;
    assert_eq!(provider.calls(), (1, 1), "verified in the background, by unwrapping");
    provider.set(Mood::Refusing);
    tokio::time::advance(10 * MINUTE).await;
    assert!(is_refused(&keys.data_key("kms", "k").await));
}

#[tokio::test(start_paused = true)]
async fn outage_stops_sealing_after_its_grace() {
    let outage_grace = 20 * MINUTE;
    let (keys, provider) = keys(KeyLimits { outage_grace, ..limits() });
    keys.data_key("kms", "k").await.unwrap();
    provider.set(Mood::Unavailable);
    tokio::time::advance(19 * MINUTE).await;
    assert!(keys.data_key("kms", "k").await.is_ok());
    tokio::time::advance(MINUTE).await;
    assert!(is_unavailable(&keys.data_key("kms", "k").await));
}

#[tokio::test(start_paused = true)]
async fn verify_tries_both_directions() {
    let (keys, provider) = keys(limits());
    keys.verify("kms", "k").await.unwrap();
    assert_eq!(provider.unwrapped.load(Ordering::Relaxed), 1);
    provider.set(Mood::Refusing);
    assert!(is_refused(&keys.verify("kms", "k").await));
}

#[tokio::test(start_paused = true)]
async fn unknown_names_are_refused() {
    let (keys, provider) = keys(limits());
    assert!(is_refused(&keys.data_key("other", "k").await));
    assert!(is_refused(&keys.data_key("kms", "bad\nname").await));
    assert!(!keys.is_out_of_reach("other"));
    assert_eq!(provider.calls(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sealed_with_a_key_that_does_not_come_back() {
    let (keys, provider) = keys(limits());
    provider.set(Mood::WrapsOnly);
    assert!(is_refused(&keys.data_key("kms", "k").await));
}

#[tokio::test(start_paused = true)]
async fn rotation_replaces_a_key_at_once_and_keeps_it_while_the_provider_is_away() {
    let (keys, provider) = keys(limits());
    let first = keys.data_key("kms", "k").await.unwrap();
    assert_eq!(keys.version("kms", "k").as_deref(), Some("1"));
    provider.set(Mood::Unavailable);
    keys.rotate();
    assert!(Arc::ptr_eq(&first, &keys.data_key("kms", "k").await.unwrap()));
    settle().await;
    provider.set(Mood::Well);
    provider.version.store(2, Ordering::Relaxed);
    pass_pause().await;
    keys.data_key("kms", "k").await.unwrap();
    settle().await;
    assert!(!Arc::ptr_eq(&first, &keys.data_key("kms", "k").await.unwrap()));
    assert_eq!(keys.version("kms", "k").as_deref(), Some("2"));
}
