//! Brokers that ask who audits.

use std::fs;

use serde::Deserialize as _;
use serde_json::{Value, json};
use tests::{Scratch, SentRecord, topic};

use super::produce;
use crate::security::Secured;
use crate::tools::{partition, run, text};

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_reached_over_tls_as_a_user() {
    let secured = Secured::shared().await;
    let topic = topic("audit-secured");
    secured.cluster.create_topic(&topic, 1, &[]).await;
    produce(secured.cluster.bootstrap(), &topic, &[SentRecord::of("clear").partition(0)]).await;
    let folder = Scratch::new("password");
    let password = text(folder.join("password"));
    let authority = text(secured.certificates.authority());
    let server = secured.cluster.sasl_address(0);
    let arguments = [
        "audit",
        "--output",
        "json",
        "--topic",
        &topic,
        "--bootstrap-servers",
        &server,
        "--tls-ca",
        &authority,
        "--sasl-username",
        "alice",
        "--sasl-password-file",
        &password,
    ];
    fs::write(&password, "alice-secret").unwrap();
    let report = run(&arguments).await.ends(1).json();
    assert_eq!(partition(&report, &topic, 0)["clearRecords"], 1);
    fs::write(&password, "not her password").unwrap();
    let refused = run(&arguments).await.ends(2);
    assert!(refused.errors.contains("authenticate"), "{}", refused.errors);
    refused.hides(&["not her password"]);
}

/// What the Job of a sample gives to the program, with these files in place of those in its pod.
fn words(sample: &str, places: &[(&str, &str)]) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples").to_owned() + "/" + sample;
    let text = fs::read_to_string(path).unwrap();
    let objects = serde_yaml::Deserializer::from_str(&text).map(|each| Value::deserialize(each).unwrap());
    let job = objects.into_iter().find(|object| object["kind"] == "Job").unwrap();
    let words = job["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap().iter();
    words
        .map(|word| {
            let word = word.as_str().unwrap().to_owned();
            places.iter().fold(word, |word, (there, here)| word.replace(there, here))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_the_samples_get_an_answer() {
    let secured = Secured::shared().await;
    let topic = topic("audit-job");
    secured.cluster.create_topic(&topic, 1, &[]).await;
    produce(secured.cluster.bootstrap(), &topic, &[SentRecord::of("clear").partition(0)]).await;
    let folder = Scratch::new("job");
    fs::copy(secured.certificates.authority(), folder.join("ca.crt")).unwrap();
    let (config, password) = (text(folder.join("proxy.yaml")), text(folder.join("password")));
    fs::write(&password, "alice-secret").unwrap();
    let places = [
        ("/etc/topic-encryption/proxy.yaml", config.as_str()),
        ("/etc/audit/password", password.as_str()),
        ("username=audit", "username=alice"),
    ];
    let tls = json!({"bootstrapServers": [secured.cluster.sasl_address(0)], "tls": {"caDirectory": "."}});
    let clear = json!({"bootstrapServers": [secured.cluster.bootstrap()]});
    for (sample, upstream) in [("70-audit.yaml", tls), ("71-audit-without-authentication.yaml", clear)] {
        // No key and no credential of a provider is there, as in the pod.
        let providers = json!({"default": {"local": {"directory": "/nowhere"}}});
        let proxy = json!({"cluster": "kafka/my-cluster", "upstream": upstream, "keyProviders": providers});
        fs::write(&config, proxy.to_string()).unwrap();
        let words = words(sample, &places);
        let mut words: Vec<_> = words.iter().map(String::as_str).collect();
        words.extend(["--topic", &topic]);
        let ran = run(&words).await.ends(3);
        assert!(ran.out.contains("Can default/payments:1 be destroyed?"), "{sample}: {}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_the_policy_names_and_brokers_keep_from_the_auditor_is_a_no() {
    let secured = Secured::shared().await;
    let (hidden, absent) = (topic("audit-hidden"), topic("audit-absent"));
    secured.cluster.create_topic(&hidden, 1, &[]).await;
    secured.allow_only(&hidden, "bob").await;
    let folder = Scratch::new("hidden");
    fs::copy(secured.certificates.authority(), folder.join("ca.crt")).unwrap();
    let upstream =
        json!({"bootstrapServers": [secured.cluster.sasl_address(0)], "tls": {"caDirectory": "."}});
    let providers = json!({"default": {"local": {"directory": "/nowhere"}}});
    let proxy = json!({
        "cluster": "c", "upstream": upstream, "keyProviders": providers,
        "policy": {"file": "policy.yaml", "ledger": "external"},
    });
    let rules = json!([{"topics": [{"name": hidden}, {"name": absent}], "key": {"name": "payments"}}]);
    let config = text(folder.join("proxy.yaml"));
    fs::write(&config, proxy.to_string()).unwrap();
    fs::write(folder.join("policy.yaml"), json!({"rules": rules}).to_string()).unwrap();
    let reasons = async |user: &str| {
        let password = text(folder.join(user));
        fs::write(&password, format!("{user}-secret")).unwrap();
        let who = ["--sasl-username", user, "--sasl-password-file", &password];
        let what = [
            "audit",
            "--quiet",
            "--output",
            "json",
            "--config",
            &config,
            "--can-destroy",
            "default/payments",
        ];
        let ran = run(&[&what[..], &who].concat()).await;
        (ran.code, ran.json()["canDestroy"]["reasons"].to_string())
    };
    let (code, told) = reasons("alice").await;
    assert!(code == 1 && told.contains(&hidden), "{code:?} {told}");
    assert!(!told.contains(&absent), "one that is not there hides nothing: {told}");
    let (_, told) = reasons("bob").await;
    assert!(!told.contains(&hidden), "he may describe it: {told}");
}
