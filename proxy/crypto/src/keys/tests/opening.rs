//! Data keys that open.

use super::*;

#[tokio::test(start_paused = true)]
async fn is_asked_once_and_again_after_the_delay() {
    let (keys, provider) = keys(limits());
    let header = header(&provider).await;
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    let dek = keys.unwrap(&envelope, "t").await.unwrap();
    assert_eq!(Some(dek.expose().as_slice()), envelope.wrapped().get(1..));
    keys.unwrap(&envelope, "t").await.unwrap();
    assert_eq!(provider.calls(), (1, 1));
    assert_eq!(read(&keys.stats().cache_hits), 1);
    tokio::time::advance(10 * MINUTE).await;
    keys.unwrap(&envelope, "t").await.unwrap();
    assert_eq!(provider.calls(), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn is_asked_in_the_background_before_the_delay_ends() {
    let (keys, provider) = keys(limits());
    let header = header(&provider).await;
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    keys.unwrap(&envelope, "t").await.unwrap();
    tokio::time::advance(9 * MINUTE).await;
    keys.unwrap(&envelope, "t").await.unwrap();
    settle().await;
    assert_eq!(provider.calls(), (1, 2));
    tokio::time::advance(7 * MINUTE).await;
    keys.unwrap(&envelope, "t").await.unwrap();
    assert_eq!(provider.calls(), (1, 2));
}

/// Conformance: TE-B13.
#[tokio::test(start_paused = true)]
async fn a_storm_is_one_call() {
    let (keys, provider) = keys(limits());
    let header = header(&provider).await;
    provider.set(Mood::Slow(Duration::from_secs(1)));
    let storm: Vec<_> = (0..100)
        .map(|_| {
            let (keys, header) = (Arc::clone(&keys), header.clone());
            tokio::spawn(
                async move { keys.unwrap(&EnvelopeHeader::parse(&header).unwrap(), "t").await.unwrap() },
            )
        })
        .collect();
    for request in storm {
        request.await.unwrap();
    }
    assert_eq!(provider.calls(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn data_keys_never_seen_before_do_not_open_the_circuit_alone() {
    let (keys, provider) = keys(limits());
    let mut headers = Vec::new();
    for _ in 0..10 {
        headers.push(header(&provider).await);
    }
    provider.set(Mood::Unavailable);
    for header in &headers {
        assert!(is_unavailable(&keys.unwrap(&EnvelopeHeader::parse(header).unwrap(), "t").await));
    }
    assert!(keys.is_out_of_reach("kms"), "they count");
    assert_eq!(read(&keys.stats().short_circuited), 0);
    // What nobody can provoke opens it at once after them.
    assert!(is_unavailable(&keys.data_key("kms", "k").await));
    assert!(is_unavailable(&keys.data_key("kms", "another").await));
    assert_eq!(read(&keys.stats().short_circuited), 1);
}

#[tokio::test(start_paused = true)]
async fn new_epoch_asks_again() {
    let (keys, provider) = keys(limits());
    let header = header(&provider).await;
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    keys.unwrap(&envelope, "t").await.unwrap();
    provider.epoch.store(1, Ordering::Relaxed);
    provider.set(Mood::Refusing);
    assert!(is_refused(&keys.unwrap(&envelope, "t").await));
    provider.epoch.store(2, Ordering::Relaxed);
    provider.set(Mood::Well);
    keys.unwrap(&envelope, "t").await.unwrap();
    assert_eq!(provider.calls(), (1, 3), "not even the failure is remembered");
}

/// Conformance: TE-15, TE-16.
#[tokio::test(start_paused = true)]
async fn revocation_stops_reads_and_outage_does_so_later() {
    let (keys, provider) = keys(limits());
    let header = header(&provider).await;
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    keys.unwrap(&envelope, "t").await.unwrap();
    provider.set(Mood::Unavailable);
    tokio::time::advance(59 * MINUTE).await;
    keys.unwrap(&envelope, "t").await.unwrap();
    provider.set(Mood::Refusing);
    pass_pause().await;
    assert!(is_refused(&keys.unwrap(&envelope, "t").await));
    provider.set(Mood::Well);
    pass_pause().await;
    keys.unwrap(&envelope, "t").await.unwrap();
    provider.set(Mood::Unavailable);
    tokio::time::advance(60 * MINUTE).await;
    assert!(is_unavailable(&keys.unwrap(&envelope, "t").await));
}

#[tokio::test(start_paused = true)]
async fn failures_are_repeated_for_a_moment() {
    for (mood, kind) in
        [(Mood::Unavailable, "Unavailable"), (Mood::Refusing, "Refused"), (Mood::Corrupt, "Corrupt")]
    {
        let (keys, provider) = keys(limits());
        let header = header(&provider).await;
        let envelope = EnvelopeHeader::parse(&header).unwrap();
        provider.set(mood);
        for _ in 0..10 {
            let error = keys.unwrap(&envelope, "t").await.unwrap_err();
            assert!(format!("{error:?}").starts_with(kind));
        }
        assert_eq!(provider.calls(), (1, 1));
        provider.set(Mood::Well);
        pass_pause().await;
        keys.unwrap(&envelope, "t").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_provider_is_refused() {
    let (writer, _) = keys(limits());
    let header = own_header(&writer).await;
    let reader = Keys::new(&ClusterName::new("cluster").unwrap(), HashMap::new(), limits());
    assert!(is_refused(&reader.unwrap(&EnvelopeHeader::parse(&header).unwrap(), "t").await));
}

#[tokio::test(start_paused = true)]
async fn what_this_process_sealed_is_opened_without_a_call() {
    let (keys, provider) = keys(limits());
    let header = own_header(&keys).await;
    provider.set(Mood::Unavailable);
    keys.unwrap(&EnvelopeHeader::parse(&header).unwrap(), "t").await.unwrap();
    assert_eq!(provider.calls(), (1, 0));
    tokio::time::advance(10 * MINUTE).await;
    provider.set(Mood::Refusing);
    assert!(
        is_refused(&keys.unwrap(&EnvelopeHeader::parse(&header).unwrap(), "t").await),
        "a revoked key stops it too"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_new_data_keys_a_second_are_asked_for_than_should_be_and_known_ones_are_not_held_up() {
    let calls_per_second = 10;
    let (keys, provider) = keys(KeyLimits { calls_per_second, ..limits() });
    let known = header(&provider).await;
    keys.unwrap(&EnvelopeHeader::parse(&known).unwrap(), "t").await.unwrap();
    tokio::time::advance(10 * MINUTE).await;
    let start = tokio::time::Instant::now();
    let mut storm = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (keys, header) = (Arc::clone(&keys), header(&provider).await);
        storm.spawn(async move { keys.unwrap(&EnvelopeHeader::parse(&header).unwrap(), "t").await.unwrap() });
    }
    settle().await;
    provider.set(Mood::Refusing);
    assert!(
        is_refused(&keys.unwrap(&EnvelopeHeader::parse(&known).unwrap(), "t").await),
        "a revoked key is noticed at once"
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
    provider.set(Mood::Well);
    while storm.join_next().await.is_some() {}
    assert_eq!(start.elapsed(), Duration::from_secs(2), "10 at once, 20 at 10 a second");
}
