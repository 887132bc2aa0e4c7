//! The same workload, made of random steps, on the broker itself, on a clear topic through the proxy and on an encrypted one: whatever
//! clients get is the same. What must differ is no part of it: addresses, sizes on disk, and the topics' names.

mod target;

use std::env;

use tests::{Client, Codec, Payload, SentRecord};

use self::target::Target;
use crate::stage::Stage;

/// Of steps, and those that come twice.
const KINDS: usize = 12;
const TWICE: [usize; 3] = [0, 3, 4];
/// Where `MATRIX=all` is set, in place of the first one, so that a run of all tests is the same each time.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
/// Milliseconds, so that old timestamps are kept.
const LONG: u64 = 100_000_000_000_000;

/// What is done to each of the topics.
#[derive(Debug, Clone)]
enum Step {
    Produce {
        client: Client,
        codec: Codec,
        records: Vec<SentRecord>,
    },
    Transaction {
        client: Client,
        codec: Codec,
        records: Vec<SentRecord>,
        commit: bool,
    },
    /// From so many hundredths of what there is.
    Read {
        client: Client,
        from: usize,
        committed: bool,
    },
    /// So many hundredths of what the group has not read.
    Group {
        client: Client,
        part: usize,
    },
    OffsetForTime {
        client: Client,
        timestamp: i64,
    },
    /// Before so many hundredths.
    Delete {
        before: usize,
    },
    Alter {
        retention: u64,
    },
    AddPartition,
    Administer {
        action: &'static str,
        of_group: bool,
    },
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_workload_has_the_same_results_on_broker_and_proxy() {
    compare("delete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_workload_has_the_same_results_on_compacted_topics() {
    compare("compact").await;
}

#[expect(clippy::print_stdout, reason = "shown where it fails, to run it again")]
async fn compare(cleanup: &str) {
    for seed in seeds() {
        println!("DIFFERENTIAL_SEED={seed} {cleanup}");
        compare_with(seed, cleanup).await;
    }
}

/// `DIFFERENTIAL_SEED` is one by hand.
fn seeds() -> Vec<u64> {
    match env::var("DIFFERENTIAL_SEED") {
        Ok(seed) => vec![seed.parse().expect("a seed is a number")],
        Err(_) if env::var("MATRIX").is_ok_and(|matrix| matrix == "all") => SEEDS.collect(),
        Err(_) => vec![*SEEDS.start()],
    }
}

async fn compare_with(seed: u64, cleanup: &str) {
    let steps = Random(Payload::new(seed)).steps();
    let stage = Stage::shared().await;
    let (proxy, broker) = (stage.proxy.bootstrap(), stage.cluster.bootstrap());
    let run = async |bootstrap: &str, prefix: &str| {
        let mut target = Target::create(&stage, bootstrap, prefix, cleanup).await;
        let mut results = Vec::new();
        for step in &steps {
            results.push(target.take(step).await);
        }
        (target.topic, results)
    };
    let (direct, clear, sealed) =
        tokio::join!(run(&broker, "clear.direct"), run(&proxy, "clear.proxied"), run(&proxy, "sealed"));
    for (what, results) in [("clear", &clear.1), ("encrypted", &sealed.1)] {
        for ((step, expected), result) in steps.iter().zip(&direct.1).zip(results) {
            assert!(
                result == expected,
                "DIFFERENTIAL_SEED={seed} {cleanup}, {what}: {step:?}\n broker: {expected}\nthrough: {result}"
            );
        }
    }
    stage.is_sealed(&sealed.0).await;
}

struct Random(Payload);

impl Random {
    /// Each kind of step, in any order, after records, so that there is something to be about.
    fn steps(&mut self) -> Vec<Step> {
        let mut kinds: Vec<usize> = (0..KINDS).chain(TWICE).collect();
        for left in (1..kinds.len()).rev() {
            kinds.swap(left, self.below(left + 1));
        }
        let first = Step::Produce { client: Client::Java, codec: Codec::Lz4, records: self.records() };
        std::iter::once(first).chain(kinds.into_iter().map(|kind| self.step(kind))).collect()
    }

    fn step(&mut self, kind: usize) -> Step {
        match kind {
            0 => Step::Produce { client: self.client(), codec: self.codec(), records: self.records() },
            1 | 2 => {
                let (client, codec, records) = (self.client(), self.codec(), self.records());
                Step::Transaction { client, codec, records, commit: kind == 1 }
            }
            3 => Step::Read { client: self.client(), from: self.below(100), committed: self.below(2) == 0 },
            4 => Step::Group { client: self.client(), part: 1 + self.below(99) },
            5 => {
                let client = [Client::Java, Client::Python][self.below(2)];
                let after = i64::try_from(self.below(200)).unwrap();
                Step::OffsetForTime { client, timestamp: 1_700_000_000_000 + after }
            }
            6 => Step::Delete { before: self.below(60) },
            7 => Step::AddPartition,
            8 => Step::Alter { retention: LONG + self.below(1000) as u64 },
            9 => Step::Administer { action: "list-offsets", of_group: false },
            10 => Step::Administer { action: "list-group-offsets", of_group: true },
            _ => Step::Administer { action: "describe-topic", of_group: false },
        }
    }

    fn client(&mut self) -> Client {
        Client::ALL[self.below(Client::ALL.len())]
    }

    fn codec(&mut self) -> Codec {
        Codec::ALL[self.below(Codec::ALL.len())]
    }

    fn records(&mut self) -> Vec<SentRecord> {
        let count = 1 + self.below(30);
        self.0.orders(count)
    }

    fn below(&mut self, limit: usize) -> usize {
        let bytes = self.0.bytes(4);
        bytes.into_iter().fold(0, |all, byte| all << 8 | usize::from(byte)) % limit
    }
}
