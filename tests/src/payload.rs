//! What tests send: needles to search for, and orders that look like real traffic.

use std::hash::{BuildHasher, RandomState};

use crate::record::SentRecord;

/// A needle of 32 characters that occurs nowhere else, safe in keys, header names and JSON.
pub fn canary(purpose: &str) -> String {
    let random = || RandomState::new().hash_one(purpose);
    let mut needle = format!("canary{purpose}{:016x}{:016x}", random(), random());
    needle.truncate(6 + purpose.len() + 26);
    needle
}

/// A topic name that no other test uses.
pub fn topic(purpose: &str) -> String {
    format!("{purpose}-{:08x}", RandomState::new().hash_one(purpose) >> 32)
}

/// Bytes that nobody could have foreseen.
pub fn random_bytes(count: usize) -> Vec<u8> {
    let words = std::iter::repeat_with(|| RandomState::new().hash_one(count).to_le_bytes());
    let mut bytes: Vec<u8> = words.take(count.div_ceil(8)).flatten().collect();
    bytes.truncate(count);
    bytes
}

/// JSON orders: the same for the same seed, compressible, with every shape of key, value and header among them.
#[derive(Debug, Clone)]
pub struct Payload {
    state: u64,
    time: i64,
}

impl Payload {
    /// A generator.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, time: 1_700_000_000_000 }
    }

    /// So many orders, for partition 0.
    pub fn orders(&mut self, count: usize) -> Vec<SentRecord> {
        (0..count).map(|index| self.order(index)).collect()
    }

    /// So many incompressible records of `size` bytes, for partition 0.
    pub fn random(&mut self, count: usize, size: usize) -> Vec<SentRecord> {
        (0..count).map(|_| SentRecord::of(self.bytes(size)).partition(0)).collect()
    }

    /// Random bytes.
    pub fn bytes(&mut self, size: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next().to_le_bytes()).take(size.div_ceil(8));
        let mut bytes: Vec<u8> = words.flatten().collect();
        bytes.truncate(size);
        bytes
    }

    /// One order. Twelve shapes take turns, from the usual one to the odd ones.
    fn order(&mut self, index: usize) -> SentRecord {
        let customer = self.next() % 1000;
        // Timestamps go forwards and sometimes backwards, as those of several sources do.
        self.time += i64::try_from(self.next() % 40).expect("below 40") - 8;
        let order = SentRecord::of(self.json(index, customer)).partition(0).timestamp(self.time);
        match index % 12 {
            0 => order,
            1 => SentRecord { value: None, ..order.key(format!("customer-{customer}")) },
            2 => SentRecord { value: Some(Vec::new()), ..order.key("") },
            3 => order.key(format!("Kundin-Ünïcödé-{customer}-鍵-🔑")).header("größe", "XL — ✓"),
            4 => order
                .key("duplicate")
                .header("trace", "first")
                .header("trace", "second")
                .header("trace", "first"),
            5 => order.key("null header").null_header("nothing").header("empty", "").null_header("nothing"),
            6 => SentRecord { value: None, ..order.header("only", "headers") },
            7 => order.key(self.bytes(24)).header("binary", self.bytes(40)),
            8 => order.key(format!("customer-{customer}")).header("", "a header without a name"),
            9 => SentRecord { value: Some(self.bytes(200)), ..order },
            10 => order.key(vec![0; 1]).header("zero", vec![0; 3]),
            _ => order.key(format!("customer-{customer}")).header("source", "shop").header("attempt", "1"),
        }
    }

    fn json(&mut self, index: usize, customer: u64) -> String {
        let total = self.next() % 100_000;
        let city =
            ["Brno", "Tromsø", "São Paulo", "大阪"][usize::try_from(self.next() % 4).expect("below 4")];
        serde_json::json!({
            "order": index,
            "customer": format!("customer-{customer}"),
            "city": city,
            "total": format!("{}.{:02}", total / 100, total % 100),
            "items": [{"article": total % 97, "count": 1 + customer % 3}, {"article": total % 89, "count": 1}],
            "note": "handle with care, deliver before noon, leave at the door",
        })
        .to_string()
    }

    /// The next pseudo-random number (xorshift64*).
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
