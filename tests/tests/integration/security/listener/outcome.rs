//! How clients of a listener with TLS fare.

use std::io;

use tests::{
    Client, Cluster, ConsumeOptions, ProduceOptions, Proxy, RawConnection, Segments, SentRecord, assert_same,
    canary, topic,
};
use tokio_rustls::rustls::{AlertDescription, Error};

/// What the client writes is encrypted at rest, and comes back.
pub(super) async fn is_served(proxy: &Proxy, client: Client, tls: &[(String, String)]) {
    let cluster = Cluster::shared().await;
    let topic = topic(&format!("tls.served-{client}"));
    cluster.create_topic(&topic, 1, &[]).await;
    let needle = canary("served");
    let sent = [SentRecord::of(needle.clone()).key("key").partition(0)];
    client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).properties(tls), &sent).await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(tls);
    assert_same(client.name(), &sent, &client.consume_all(&options).await);
    let search = Segments::of(cluster.topic_dirs(&topic)).search(&[needle]).await;
    assert!(!search.found(0) && search.records > 0, "{client}: {search:?}");
}

/// Java's client gives up because of TLS, and the topic that it would write to stays empty.
pub(super) async fn is_refused(proxy: &Proxy, tls: &[(String, String)]) {
    let cluster = Cluster::shared().await;
    let topic = topic("tls.refused");
    cluster.create_topic(&topic, 1, &[]).await;
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).properties(tls);
    let refused =
        Client::Java.produce(&options, &[SentRecord::of("never stored").partition(0)]).await.remove(0);
    // Java's `SslAuthenticationException` is one of those that this error stands for. A connection that ends without an alert
    // is tried again, until the time is over.
    assert_eq!(refused.unwrap_err(), "INVALID_CONFIG");
    let (mut broker, at) = cluster.leader(&topic, 0).await;
    assert_eq!(broker.list_offset(&at, -1).await.unwrap(), 0);
}

/// The alert by which a client learns that it is not let in.
pub(super) async fn alert(connected: io::Result<RawConnection>) -> AlertDescription {
    let error = match connected {
        // In TLS 1.3 it follows the client's handshake. To ask for something could break the connection before it is read.
        Ok(mut connection) => connection.receive_frame().await.unwrap_err(),
        Err(error) => error,
    };
    match error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => *alert,
        _ => panic!("no alert: {error:?}"),
    }
}
