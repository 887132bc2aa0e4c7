//! What an idempotent producer is told of batches behind one that was refused for good.

use tests::{Batch, By, Cluster, Field, Payload, Proxy, RawConnection, topic};

use super::idempotence::{producer_id, sequenced};

/// A producer whose batch is too large goes on without it, so that those behind have to be numbered anew: this tells it to.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_final_refusal_sequences_are_out_of_order_until_the_refused_one_comes_again() {
    let topic = topic("batch.behind");
    Cluster::shared().await.create_topic(&topic, 1, &[("max.message.bytes", "10000")]).await;
    let bootstrap = Proxy::shared().await.bootstrap();
    let (mut connection, at) = RawConnection::to_leader(&bootstrap, &topic, 0).await.unwrap();
    let producer = producer_id(&mut connection).await;
    let mut large = Batch::of(&Payload::new(42).random(1, 20_000));
    for (field, value) in [(Field::ProducerId, producer), (Field::ProducerEpoch, 0), (Field::BaseSequence, 0)]
    {
        large.set(field, value);
    }
    large.seal();
    let others = [1, 2, 0, 1].map(|sequence| sequenced(producer, sequence));
    let mut told = Vec::new();
    for batch in [large].into_iter().chain(others) {
        let appended = connection.produce(&at, By::Id, batch).await.unwrap();
        told.push(appended.error.map(|error| error.to_string()).unwrap_or_default());
    }
    let behind = "OUT_OF_ORDER_SEQUENCE_NUMBER";
    assert_eq!(told, ["MESSAGE_TOO_LARGE", behind, behind, "", ""]);
}
