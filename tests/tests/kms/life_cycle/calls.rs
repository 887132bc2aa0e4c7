//! How often the server is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::{Batch, Cluster, Payload, Proxy, SentRecord, topic};

use super::Owner;
use super::audit::{answered, data_key_id, events, given_up};
use super::stored::stored;

/// Batches, of which exactly ten fit into a budget and nine are more than 80% of it.
const BATCHES: usize = 105;
const DATA_KEYS: usize = 11;

/// The calls of a proxy for each data key: how many made it, how many unwrapped it. The server must have counted the same.
fn calls(proxy: &Proxy, owner: &Owner, before: usize) -> BTreeMap<String, (usize, usize)> {
    let mut calls: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let events = events(proxy).into_iter().filter(|event| event["event"] == "keyProviderCall");
    let events: Vec<_> = events.collect();
    // One that is given up has none yet, if it was to make one.
    for (call, id) in events.iter().filter_map(|call| Some((call, call["data_key"].as_str()?))) {
        let (made, unwrapped) = calls.entry(id.to_owned()).or_default();
        *if call["operation"] == "generate" { made } else { unwrapped } += 1;
    }
    let (answered, given_up) = (answered(&events), given_up(&events));
    assert_eq!(answered + given_up, events.len(), "no call failed");
    let served = served(owner) - before;
    assert!((answered..=events.len()).contains(&served), "{served} calls, of {events:?}");
    calls
}

/// Calls that went well. Once for each key and process, the provider sees whether another context opens a data key; it must not.
fn served(owner: &Owner) -> usize {
    owner.calls().iter().filter(|call| call["error"].is_null()).count()
}

async fn costs_no_more_than_its_data_keys(purpose: &str, format: &str, times: Value, batch: &Batch) {
    let owner = Owner::new().await;
    let topic = topic(&format!("{purpose}.a"));
    let configs: &[_] = if format == "Record" { &[("cleanup.policy", "compact")] } else { &[] };
    Cluster::shared().await.create_topic(&topic, 1, configs).await;
    let writer = owner.proxy(purpose, times.clone()).await;
    for _ in 0..BATCHES {
        writer.write_batch(&topic, batch).await.unwrap();
    }
    let read = async |proxy: &Proxy| {
        let mut read = 0;
        while read < BATCHES {
            let offset = read * usize::try_from(batch.next_offset()).unwrap();
            read += proxy.read_batches(&topic, i64::try_from(offset).unwrap()).await.unwrap().len();
        }
    };
    read(&writer).await;
    assert!(writer.terminate().await.success());
    let at_rest: Vec<_> = stored(&topic, 0).await.iter().map(|batch| data_key_id(&batch.data_key)).collect();
    let of_writer = calls(&writer, &owner, 0);
    for (index, id) in at_rest.iter().enumerate() {
        assert_eq!(*id, at_rest[index / 10 * 10], "each data key seals ten batches");
        assert_eq!(of_writer[id], (1, 1), "it is made and unwrapped, and not asked for again to read");
    }
    let used: BTreeSet<_> = at_rest.iter().collect();
    assert_eq!(used.len(), DATA_KEYS);

    let before = served(&owner);
    let reader = owner.proxy(purpose, times).await;
    read(&reader).await;
    read(&reader).await;
    assert!(reader.terminate().await.success());
    let of_reader = calls(&reader, &owner, before);
    assert!(used.iter().all(|id| of_reader[*id] == (0, 1)), "{of_reader:?}");
    // What is left are tries of the rules' keys.
    for (calls, used) in [(of_writer, DATA_KEYS), (of_reader, DATA_KEYS)] {
        let tries = calls.iter().filter(|(id, _)| !at_rest.contains(id));
        assert!(tries.clone().all(|(_, calls)| *calls == (1, 1)));
        assert_eq!(calls.len(), used + tries.count());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_asked_twice_for_each_budget_of_messages_and_once_by_each_other_reader() {
    let records = Payload::new(1).random(100, 10).into_iter().map(|record| record.key("some key"));
    let records: Vec<_> = records.collect();
    let times = json!({"maxMessages": 1024});
    costs_no_more_than_its_data_keys("count.messages", "Record", times, &Batch::of(&records)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_asked_twice_for_each_budget_of_bytes_and_once_by_each_other_reader() {
    let record = SentRecord::of(Payload::new(2).bytes(100_000));
    let times = json!({"maxBytes": 1 << 20});
    costs_no_more_than_its_data_keys("count.bytes", "Batch", times, &Batch::of(&[record])).await;
}
