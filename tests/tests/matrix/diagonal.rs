//! Each client once; brokers and formats take turns.

use tests::{BrokerVersion, Client};

use crate::cell::{Cell, FORMATS};
use crate::stage::Stage;

async fn run(place: usize) {
    let versions = BrokerVersion::diagonal();
    // All formats on a version before the next round, so that each client's neighbours have other pairs.
    let format = FORMATS[(place / versions.len()) % FORMATS.len()];
    let stage = Stage::shared(versions[place % versions.len()]).await;
    Cell::new(stage, Client::MATRIX[place], format).run().await;
}

macro_rules! clients {
    ($($name:ident = $place:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            run($place).await;
        }
    )*
        /// So that a client that comes to the matrix comes to these tests too.
        #[test]
        fn each_client_has_a_test() {
            let places = [$($place),*];
            assert!(places.iter().copied().eq(0..Client::MATRIX.len()));
        }
    };
}

clients! {
    // Conformance: P17-39.
    java_2_8 = 0;
    java_3_9 = 1;
    java_of_the_brokers_version = 2;
    // Conformance: P17-39.
    newest_java = 3;
    librdkafka_of_the_system = 4;
    confluent_kafka_for_python = 5;
    rdkafka_for_rust = 6;
    franz_go = 7;
    sarama = 8;
    kafka_python = 9;
    aiokafka = 10;
    kafkajs = 11;
}
