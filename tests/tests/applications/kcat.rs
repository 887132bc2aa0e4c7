//! kcat, on the system's librdkafka.

use tests::{canary, topic};

use crate::program::kcat;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn kcat_writes_reads_lists_and_takes_part_in_groups() {
    let stage = Stage::shared().await;
    let (bootstrap, needle) = (stage.proxy.bootstrap(), canary("kcat"));
    let topic = topic("kcat");
    stage.cluster.create_topic(&topic, 1, &[]).await;
    let at = ["-b", &bootstrap, "-t", &topic];
    let lines: Vec<_> = (0..50).map(|index| format!("key {index}\tvalue {index} {needle}\n")).collect();
    let sent = lines.concat();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let write = [&at[..], &["-P", "-K", "\t", "-z", codec, "-H", "codec=kcat"]].concat();
        kcat(&write, &sent).await;
    }
    let read = [&at[..], &["-C", "-e", "-q", "-o", "beginning", "-f", "%k\t%s\n"]].concat();
    assert_eq!(kcat(&read, "").await, sent.repeat(5));
    let headers = [&at[..], &["-C", "-e", "-q", "-o", "beginning", "-c", "1", "-f", "%h"]].concat();
    assert_eq!(kcat(&headers, "").await, "codec=kcat");
    let member =
        ["-b", &bootstrap, "-G", &topic, "-q", "-X", "auto.offset.reset=earliest", "-c", "250", &topic];
    assert_eq!(kcat(&member, "").await.lines().count(), 250);
    let listed = kcat(&["-b", &bootstrap, "-L"], "").await;
    assert!(listed.contains(&format!("broker 0 at {}", stage.proxy.broker_address(0))), "{listed}");
    assert!(!listed.contains(&stage.cluster.bootstrap()), "{listed}");
    let end = kcat(&["-b", &bootstrap, "-Q", "-t", &format!("{topic}:0:-1")], "").await;
    assert!(end.contains("offset 250"), "{end}");
    stage.is_illegible(&topic, &needle).await;
}
