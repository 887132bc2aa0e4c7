//! A provider that is away for an hour and more, while one batch is sealed and one opened every second.

use std::ops::Range;

use tokio::time::Instant;

use super::*;
use crate::open::open_batch;
use crate::seal::BatchContext;

const HOUR: u64 = 3600;
/// How long the provider is away.
const AWAY: u64 = HOUR + 600;

const CONTEXT: BatchContext<'static> = BatchContext {
    topic: "t",
    partition: 0,
    producer_id: -1,
    producer_epoch: -1,
    base_sequence: -1,
    last_offset_delta: 0,
};

/// The clients of a proxy, which had its data keys just before the provider went away.
struct Clients {
    keys: Arc<Keys>,
    provider: Arc<TestProvider>,
    /// Somebody else's.
    stored: (Vec<u8>, Vec<u8>),
}

impl Clients {
    async fn new(limits: KeyLimits) -> Self {
        let (keys, provider) = keys(limits);
        let other = Self { keys: another(&provider, super::limits()), provider, stored: Default::default() };
        let stored = other.seal().await.unwrap();
        let clients = Self { keys, stored, ..other };
        clients.seal().await.unwrap();
        clients.open().await.unwrap();
        clients
    }

    async fn seal(&self) -> Result<(Vec<u8>, Vec<u8>), ProviderError> {
        let key = self.keys.data_key("kms", "k").await?;
        let (mut header, mut payload) = (Vec::new(), b"records".to_vec());
        let sealer = BatchSealer::new(&key, payload.len()).unwrap();
        let facts = BatchFacts { attributes: 0, record_count: 1, base_timestamp: 0, max_timestamp: 0 };
        sealer.header(&facts, &mut header);
        let tag = sealer.seal(&header, &CONTEXT, &mut payload).unwrap();
        payload.extend_from_slice(&tag);
        Ok((header, payload))
    }

    async fn open(&self) -> Result<(), ProviderError> {
        let (header, mut sealed) = self.stored.clone();
        let envelope = EnvelopeHeader::parse(&header).unwrap();
        let dek = self.keys.unwrap(&envelope, "t").await?;
        let length = open_batch(&dek, &envelope, &CONTEXT, &mut sealed).unwrap();
        assert_eq!(&sealed[..length], b"records");
        Ok(())
    }

    fn calls(&self) -> u64 {
        read(&self.provider.generated) + read(&self.provider.unwrapped)
    }

    /// What becomes of it every second, for as long as is said: until when batches are sealed and until when they are opened. After
    /// that neither ever is, and either may be tried again.
    async fn served(&self, seconds: Range<u64>) -> (u64, u64) {
        let (mut sealed, mut opened) = (0, 0);
        for second in seconds {
            for (until, result) in
                [(&mut sealed, self.seal().await.map(drop)), (&mut opened, self.open().await)]
            {
                match result {
                    Ok(()) if *until == second => *until = second + 1,
                    Ok(()) => panic!("served in second {second}, after it was refused"),
                    Err(error) => assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}"),
                }
            }
            if second % 20 == 0 {
                self.keys.forget_old().await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        (sealed, opened)
    }
}

fn long() -> KeyLimits {
    KeyLimits { age: 120 * MINUTE, outage_grace: 60 * MINUTE, ..KeyLimits::default() }
}

async fn an_hour_away(limits: KeyLimits, served: (u64, u64)) {
    let (alone, first) = (limits.breaker_pause, limits.early_time(limits.revocation_delay));
    let tolerated = u64::from(limits.breaker_failures);
    // As long as they are at most, for the provider and then for a question.
    let pauses = (limits.breaker_pause + limits.failure_pause) * 3 / 2;
    let clients = Clients::new(limits).await;
    let before = clients.calls();
    clients.provider.set(Mood::Unavailable);
    assert_eq!(clients.served(0..AWAY).await, served);

    // From the first time that an answer is asked again, one call after each pause: those who come every second come in the third
    // at the earliest, and in the fourth where their question was answered with a failure of the second.
    let calls = clients.calls() - before;
    let (asking, third) = (AWAY - first.as_secs(), alone.as_secs() + 1);
    let (least, most) = (asking / (third + 1), tolerated + asking / third);
    assert!((least..=most).contains(&calls), "{calls} calls, not {least} to {most}");

    clients.provider.set(Mood::Well);
    let well = Instant::now();
    while clients.seal().await.is_err() | clients.open().await.is_err() {
        assert!(well.elapsed() <= pauses, "it is not served again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // A data key is made and unwrapped, another unwrapped.
    assert_eq!(clients.calls() - before - calls, 3);
}

#[tokio::test(start_paused = true)]
async fn all_is_served_for_the_grace_and_again_when_the_provider_is_back() {
    an_hour_away(long(), (HOUR, HOUR)).await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_ends_ends_writes_alone() {
    const MESSAGES: u64 = 2000;
    // One was sealed before.
    an_hour_away(KeyLimits { messages: MESSAGES, ..long() }, (MESSAGES - 1, HOUR)).await;
}
