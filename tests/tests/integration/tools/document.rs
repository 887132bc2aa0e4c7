//! The examples of `proxy/docs/tools.md` are what the commands print.

use std::fs;

use tests::{Client, Cluster, PolicyFile, ProduceOptions, Proxy, Rule, Scratch, SentRecord, proxy::Pattern};

use super::{config, run, text};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proxy/docs/tools.md");
const TOPIC: &str = "payments.orders";

/// A command of the document and what it prints.
struct Example {
    words: Vec<String>,
    printed: String,
}

fn examples() -> Vec<Example> {
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let mut lines = document.lines().peekable();
    let mut examples = Vec::new();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix("    $ topic-encryption-proxy ") else { continue };
        let mut command = command.to_owned();
        while let Some(first) = command.strip_suffix('\\') {
            command = first.to_owned() + lines.next().unwrap().trim();
        }
        let command = command.split(" > ").next().unwrap();
        let mut printed = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("    ") && !line.starts_with("    $")) {
            printed = printed + &line[4..] + "\n";
        }
        examples.push(Example { words: command.split_whitespace().map(str::to_owned).collect(), printed });
    }
    examples
}

/// Hashes of data keys and times differ from run to run.
fn masked(printed: &str) -> String {
    let mask = |word: &str| {
        let hash = word.trim();
        let is_hash = hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash {
            return word.replace(hash, &"#".repeat(32));
        }
        let is_time = humantime::parse_rfc3339(hash).is_ok();
        if is_time { word.replace(hash, "#TIME#") } else { word.to_owned() }
    };
    printed.split_inclusive(' ').map(mask).collect()
}

async fn produce(bootstrap: String, count: usize) {
    let sent = vec![SentRecord::of("an order").partition(0); count];
    Client::Librdkafka.produce_all(&ProduceOptions::to(bootstrap, TOPIC), &sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_examples_are_what_the_commands_print() {
    let cluster = Cluster::builder().start().await;
    let rule = Rule::encrypt([Pattern::prefix("payments.")], "payments").format("Batch");
    let proxy = Proxy::before(&cluster).policy(PolicyFile::new([rule])).start().await;
    // Long enough for a run, whose length in the document is a day.
    let kept = [("retention.ms", "604800000"), ("segment.ms", "86400000")];
    cluster.create_topic(TOPIC, 1, &kept).await;
    produce(cluster.bootstrap(), 10).await;
    produce(proxy.bootstrap(), 40).await;
    let folder = Scratch::new("document");
    let keys = format!(
        "cluster: test-cluster\nkeyProviders: {{default: {{local: {{directory: {}}}}}}}\n",
        proxy.keys_folder().display()
    );
    fs::write(folder.join("decrypt.yaml"), keys).unwrap();
    let log = text(cluster.log_dir(TOPIC, 0));
    let config = config(&proxy);
    let mut seen = Vec::new();
    for example in examples() {
        let place = |word: &String| match word.as_str() {
            "/var/lib/kafka/data/payments.orders-0" | "/backup/payments.orders-0" => log.clone(),
            "proxy.yaml" => config.clone(),
            "decrypt.yaml" | "orders.copy" => text(folder.join(word)),
            _ => word.clone(),
        };
        match example.words[0].as_str() {
            "audit" => {
                proxy.write_key("payments", 2);
                proxy.restart().await;
                produce(proxy.bootstrap(), 40).await;
            }
            "copy" => drop(cluster.create_topic("payments.orders-2", 1, &[]).await),
            _ => {}
        }
        let words: Vec<String> = example.words.iter().map(place).collect();
        let ran = run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let reported = if example.words[0] == "decrypt" { String::new() } else { ran.out };
        assert_eq!(masked(&(reported + &ran.errors)), masked(&example.printed), "{:?}", example.words);
        seen.push(example.words[0].clone());
    }
    assert_eq!(seen, ["inspect", "audit", "decrypt", "copy"]);
}
