//! Tools for share groups.

use tests::{canary, topic};

use super::prints;
use crate::program::{tool, with_input};
use crate::stage::Stage;

const GROUPS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn tools_for_share_groups() {
    let stage = &Stage::shared().await;
    let (bootstrap, needle) = (&stage.proxy.bootstrap(), canary("shared"));
    let topic = &topic("shared");
    stage.cluster.create_topic(topic, 1, &[]).await;
    let groups: Vec<String> = (0..GROUPS).map(|group| format!("{topic}-{group}")).collect();
    let earliest = "--alter --add-config share.auto.offset.reset=earliest --entity-type groups --entity-name";
    for group in &groups {
        let altered = format!("Completed updating config for group {group}");
        prints(stage, "kafka-configs", format!("{earliest} {group}"), altered).await;
    }
    let lines: Vec<String> = (0..50).map(|line| format!("{line} {needle}\n")).collect();
    let at = ["--bootstrap-server", bootstrap, "--topic", topic];
    with_input("kafka-console-producer", &at, &lines.concat()).await;
    let read = [&at[..], &["--group", &groups[0], "--max-messages", "50"]].concat();
    let performance = format!("--topic {topic} --num-records 50 --group {}", groups[1]);
    let verify =
        format!("--topic {topic} --group-id {} --max-messages 50 --acknowledgement-mode sync", groups[2]);
    let (said, (), ()) = tokio::join!(
        tool("kafka-console-share-consumer", &read),
        prints(stage, "kafka-share-consumer-perf-test", performance, ", 50, "),
        prints(
            stage,
            "kafka-verifiable-share-consumer",
            verify,
            r#""name":"offsets_acknowledged","count":50"#
        ),
    );
    assert_eq!(said, lines.concat());
    prints(stage, "kafka-share-groups", format!("--describe --group {}", groups[0]), topic.as_str()).await;
    stage.is_illegible(topic, &needle).await;
}
