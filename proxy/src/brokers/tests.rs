//! What is known of brokers, and from where.

use super::*;

fn address(host: &str, port: u16) -> Address {
    Address { host: host.to_owned(), port }
}

#[test]
fn an_answer_never_replaces_a_configured_address() {
    let brokers = Brokers::fixed(BTreeMap::from([(0, address("kafka-0", 9092))]));
    brokers.learn(0, "elsewhere", 1);
    brokers.learn(1, "kafka-1", 9092);
    assert_eq!(brokers.address(0), Some(address("kafka-0", 9092)));
    assert_eq!(brokers.address(1), Some(address("kafka-1", 9092)));
    assert_eq!(brokers.address(2), None);
}

#[test]
fn a_learned_address_follows_the_broker() {
    let brokers = Brokers::fixed(BTreeMap::new());
    brokers.learn(1, "old", 9092);
    brokers.learn(1, "new", 9093);
    assert_eq!(brokers.address(1), Some(address("new", 9093)));
}

#[test]
fn unusable_addresses_are_not_learned() {
    let brokers = Brokers::fixed(BTreeMap::new());
    brokers.learn(-1, "controller", 9093);
    brokers.learn(1, "", 9092);
    brokers.learn(2, "host", 70_000);
    assert!((-1..3).all(|node| brokers.address(node).is_none()));
}

#[test]
fn a_file_brings_brokers_and_takes_them_away() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("brokers.yaml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let brokers = Brokers::following(file.clone(), Some(2));
    let unchanged = Seen { changed: false, problem: None };
    assert!(brokers.reload().problem.unwrap().contains("brokers.yaml"));
    assert!(brokers.obstacle().unwrap().starts_with("no broker addresses are loaded: "));
    brokers.learn(0, "learned", 1);
    brokers.learn(1, "learned", 1);

    write("brokers: {0: 'a:1', 2: 'c:1'}");
    assert_eq!(brokers.reload(), Seen { changed: true, problem: None });
    assert_eq!(brokers.reload(), unchanged);
    assert_eq!((brokers.obstacle(), brokers.last_error()), (None, None));
    assert_eq!(
        (brokers.address(0), brokers.address(1)),
        (Some(address("a", 1)), Some(address("learned", 1)))
    );
    assert_eq!((brokers.address(2), brokers.configured().skipped.clone()), (None, vec![2]));

    write("brokers: {0: a}");
    let problem = brokers.reload().problem.unwrap();
    assert!(problem.contains("brokers.yaml is invalid: brokers.0: must be host:port"), "{problem}");
    assert_eq!(brokers.last_error().unwrap().as_str(), problem);
    assert_eq!(brokers.address(0), Some(address("a", 1)));

    write("brokers: {1: 'b:1'}");
    assert!(brokers.reload().changed);
    assert_eq!((brokers.address(0), brokers.address(1)), (None, Some(address("b", 1))));
    assert_eq!((brokers.last_error(), brokers.learned().len()), (None, 0));
    let generation = brokers.configured().source.as_ref().unwrap().generation;
    assert_eq!(generation, 2);
}
