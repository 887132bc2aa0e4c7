//! More readers than the provider may be asked for.

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;

const CAP: u32 = 5;
/// Longer than any crowd here may take.
const LONGEST: Duration = MINUTE;

fn capped() -> KeyLimits {
    KeyLimits { calls_per_second: CAP, ..limits() }
}

/// Envelopes whose data keys were never seen before.
async fn headers(provider: &Arc<TestProvider>, count: usize) -> Vec<Vec<u8>> {
    let mut headers = Vec::new();
    for _ in 0..count {
        headers.push(header(provider).await);
    }
    provider.unwrapped_at.lock().unwrap().clear();
    headers
}

async fn unwrap(keys: &Keys, header: &[u8]) -> Result<(), ProviderError> {
    keys.unwrap(&EnvelopeHeader::parse(header).unwrap(), "t").await.map(drop)
}

/// Readers that ask again and again, as consumers do, each until it has its data key.
fn crowd(keys: &Arc<Keys>, headers: Vec<Vec<u8>>) -> JoinSet<()> {
    let reader = |header: Vec<u8>| {
        let keys = Arc::clone(keys);
        async move {
            while unwrap(&keys, &header).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    headers.into_iter().map(reader).collect()
}

/// As many at once as in a second, and then at an even pace.
fn keeps_to_the_cap(times: &[Instant]) {
    for (index, first) in times.iter().enumerate() {
        for (last, calls) in times[index..].iter().zip(1_u32..) {
            let (time, least) = (*last - *first, Duration::from_secs(1) * calls.saturating_sub(CAP) / CAP);
            assert!(time >= least, "{calls} calls in {time:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_again_and_again_all_are_served_at_the_pace() {
    const READERS: u32 = 100;
    let (keys, provider) = keys(capped());
    let headers = headers(&provider, READERS as usize).await;
    let start = Instant::now();
    let served = tokio::time::timeout(LONGEST, crowd(&keys, headers).join_all()).await;
    let times = provider.unwrapped_at.lock().unwrap().clone();
    assert!(served.is_ok(), "{} of {READERS} are served", times.len());
    assert_eq!(times.len(), READERS as usize, "each is asked for once");
    keeps_to_the_cap(&times);
    // Those of the first second come at once.
    let least = Duration::from_secs((READERS / CAP - 1).into());
    let took = start.elapsed();
    assert!((least..=least + Duration::from_secs(2)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_left_alone_costs_no_turns() {
    let (keys, provider) = keys(capped());
    let headers = headers(&provider, 30).await;
    open_the_circuit(&keys, &provider).await;
    for header in &headers {
        assert!(is_unavailable(&unwrap(&keys, header).await));
    }
    provider.set(Mood::Well);
    // As it is another one, it is not left alone any more, and no failure of before counts.
    provider.epoch.store(1, Ordering::Relaxed);
    let start = Instant::now();
    for header in headers.iter().take(CAP as usize) {
        unwrap(&keys, header).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// By calls that nobody can provoke.
async fn open_the_circuit(keys: &Keys, provider: &TestProvider) {
    provider.set(Mood::Unavailable);
    for index in 0..limits().breaker_failures {
        assert!(is_unavailable(&keys.data_key("kms", format!("k{index}")).await));
    }
    assert!(is_unavailable(&keys.data_key("kms", "another").await));
    assert_eq!(read(&keys.stats().short_circuited), 1);
}

/// Whoever could be the one that tries it, and waits for a turn or gets none.
#[tokio::test(start_paused = true)]
async fn those_without_a_turn_keep_nobody_from_a_provider_that_may_be_tried_again() {
    let pause = Duration::from_millis(100);
    let (keys, provider) = keys(KeyLimits { breaker_pause: pause, ..capped() });
    let mut headers = headers(&provider, 40).await;
    let last = headers.pop().unwrap();
    let waiting = crowd(&keys, headers);
    settle().await;
    open_the_circuit(&keys, &provider).await;
    tokio::time::advance(pause * 3 / 2).await;
    let start = Instant::now();
    assert!(is_unavailable(&unwrap(&keys, &last).await), "its turn would come too late");
    provider.set(Mood::Well);
    keys.data_key("kms", "other").await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    tokio::time::timeout(LONGEST, waiting.join_all()).await.expect("all are served");
}
