//! The certificates that the operator makes are renewed below working clients.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tests::kubernetes::{Failed, Fleet, Load, Stage};
use tests::{Client, Feed, assert_same, eventually_ok};

const PATIENCE: Duration = Duration::from_mins(1);
const TOPIC: &str = "orders.certificates";
const AUTHORITY: &str = "my-cluster-encryption-ca";
const SERVER: &str = "my-cluster-encryption-tls";
const OVERLAP: &str = r#"extraEnvs=[{"name": "CA_OVERLAP_SECONDS", "value": "20"}]"#;
const FORCE_RENEW: &str = "encryption.strimzi.io/force-renew";

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_server_certificate_cuts_nobody_off() {
    let (stage, fleet, load) = start("server-certificate").await;
    let authority = bundle(&stage).await;
    let trust = stage.trust().await;
    let before = serial(&stage, &stage.secret(SERVER, "tls.crt").await).await;
    for proxy in addresses(&stage).await {
        assert_eq!(presented(&stage, &proxy, &trust).await.unwrap(), before);
    }

    force_renew(&stage, SERVER).await;
    let after = serial(&stage, &stage.secret(SERVER, "tls.crt").await).await;
    assert_ne!(after, before);
    for proxy in addresses(&stage).await {
        let probe = async || match presented(&stage, &proxy, &trust).await {
            Ok(found) if found == after => Ok(()),
            Ok(found) => Err(found),
            Err(failed) => panic!("{failed}"),
        };
        eventually_ok(&format!("{proxy} presents {after}"), PATIENCE, probe).await;
    }
    assert_eq!(bundle(&stage).await, authority, "the authority stays");
    connects(&stage, &trust).await;
    end(&stage, &fleet, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_comes_with_overlap() {
    let (stage, fleet, load) = start("new-authority").await;
    let [old] = <[String; 1]>::try_from(bundle(&stage).await).unwrap();
    let trust = stage.file("old.crt", &old);

    // First it is only published: clients of both bundles are served.
    force_renew(&stage, AUTHORITY).await;
    let published = bundle(&stage).await;
    let [first, new] = <[String; 2]>::try_from(published.clone()).unwrap();
    assert_eq!(first, old);
    let both = stage.file("both.crt", &published.concat());
    tokio::join!(connects(&stage, &trust), connects(&stage, &both));
    let only_new = stage.file("new.crt", &new);
    let proxies = addresses(&stage).await;
    assert!(presented(&stage, &proxies[0], &only_new).await.is_err(), "it issues already");

    // Then it issues, and whoever fetched the bundle meanwhile is served.
    let issues = async || {
        let text = stage.secret(AUTHORITY, "ca.crt").await;
        if text.trim() == new.trim() { Ok(()) } else { Err("the old one issues") }
    };
    eventually_ok("the new authority issues", PATIENCE, issues).await;
    assert_eq!(bundle(&stage).await, published, "the old one stays for another overlap");
    for proxy in &proxies {
        let serves = async || presented(&stage, proxy, &only_new).await;
        eventually_ok(&format!("{proxy} has a certificate of the new authority"), PATIENCE, serves).await;
    }
    connects(&stage, &both).await;
    assert!(presented(&stage, &proxies[0], &trust).await.is_err(), "the old bundle is of no use now");

    // In the end the old one is trusted no longer.
    let left = async || match bundle(&stage).await {
        found if found == [new.clone()] => Ok(()),
        found => Err(format!("{} authorities", found.len())),
    };
    eventually_ok("the bundle has the new authority only", PATIENCE, left).await;
    connects(&stage, &stage.trust().await).await;
    end(&stage, &fleet, load).await;
}

async fn start(namespace: &str) -> (Stage, Fleet, Load) {
    // Secrets are not watched; the operator looks at them this often.
    let stage = Stage::named(namespace).set(OVERLAP).set("fullReconciliationIntervalMs=5000").start().await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.await_ready("tep/orders").await;
    let fleet = stage.await_fleet(2).await;
    stage.create_topic(TOPIC, 1, &[]).await;
    let load = stage.load(TOPIC).await;
    (stage, fleet, load)
}

/// Connections that were there before are there still, and so are the pods.
async fn end(stage: &Stage, fleet: &Fleet, load: Load) {
    let (_, reconnects) = load.finish().await;
    assert!(reconnects.is_empty(), "{reconnects:?}");
    assert_eq!(stage.fleet().await, *fleet, "the pods stay as they were");
}

/// Asks for a renewal as people do, and waits until the operator took the annotation off.
async fn force_renew(stage: &Stage, secret: &str) {
    stage.kubectl(&["annotate", "secret", secret, &format!("{FORCE_RENEW}=true")]).await;
    let done = async || match &stage.get("secret", secret).await["metadata"]["annotations"][FORCE_RENEW] {
        annotation if annotation.is_null() => Ok(()),
        annotation => Err(annotation.to_string()),
    };
    eventually_ok(&format!("{secret} is renewed"), PATIENCE, done).await;
}

/// The authorities that clients are told to trust.
async fn bundle(stage: &Stage) -> Vec<String> {
    let map = stage.get("configmap", "my-cluster-encryption-ca-cert").await;
    let text = map["data"]["ca.crt"].as_str().unwrap();
    text.split_inclusive("-----END CERTIFICATE-----\n").map(str::to_owned).collect()
}

/// A client that trusts these connects and reads.
async fn connects(stage: &Stage, trust: &Path) {
    let properties = Client::Librdkafka.tls(trust, None);
    let from = tests::ConsumeOptions::from(stage.bootstrap(), TOPIC).properties(&properties).count(1);
    let read = Client::Librdkafka.consume_all(&from).await;
    assert_same(&format!("with {}", trust.display()), &Feed::records(1), &read);
}

async fn addresses(stage: &Stage) -> Vec<String> {
    let selector = "app.kubernetes.io/name=topic-encryption-proxy";
    let text =
        stage.kubectl(&["get", "pods", "-l", selector, "-o", "jsonpath={.items[*].status.podIP}"]).await;
    text.split_whitespace().map(str::to_owned).collect()
}

/// The serial number of the certificate that a proxy presents to one who trusts these.
async fn presented(stage: &Stage, proxy: &str, trust: &Path) -> Result<String, Failed> {
    let host = stage.bootstrap().trim_end_matches(":9092").to_owned();
    let script = format!(
        "set -o pipefail; openssl s_client -connect {proxy}:9092 -servername {host} -verify_hostname {host} \
         -verify_return_error -CAfile {} </dev/null | openssl x509 -noout -serial",
        trust.display()
    );
    stage.kubernetes().exec(&["bash", "-c", &script], None).await
}

async fn serial(stage: &Stage, certificate: &str) -> String {
    let words = ["openssl", "x509", "-noout", "-serial"];
    stage.kubernetes().exec(&words, Some(certificate)).await.unwrap()
}
