//! Certificates of cert-manager, by its own definitions and a stand-in for its controller, which issues when it is called.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tests::kubernetes::Stage;
use tests::{Client, ConsumeOptions, Payload, ProduceOptions, assert_same, eventually_ok};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/22-proxy-cert-manager.yaml");
const CERTIFICATE: &str = "my-cluster-encryption-tls";
const PATIENCE: Duration = Duration::from_mins(1);
/// Secrets, and kinds that were not there, are not watched; the operator looks this often.
const LOOKS: &str = "fullReconciliationIntervalMs=5000";

async fn cert_manager(stage: &Stage, words: &[&str]) {
    let done = stage.kubernetes().rig("CERT_MANAGER_STAND_IN", words).await;
    done.unwrap_or_else(|failed| panic!("{failed}"));
}

/// Waits for what is said of why nothing is ready, and returns it.
async fn awaited(stage: &Stage, part: &str) -> String {
    let told = stage.await_condition("encproxy", "my-cluster", "Ready", |ready| {
        ready.status == "False" && ready.message.contains(part)
    });
    told.await.message
}

/// The serial number of the certificate that whoever trusts this authority is shown.
async fn shown(stage: &Stage, authority: &str) -> Result<String, String> {
    let address = stage.bootstrap();
    let script = "openssl s_client -connect $0 -servername ${0%:*} -verify_hostname ${0%:*} -CAfile $1 -verify_return_error \
                  </dev/null 2>/dev/null | openssl x509 -noout -serial";
    let shown =
        stage.kubernetes().exec(&["bash", "-o", "pipefail", "-c", script, &address, authority], None).await;
    shown.map_err(|failed| failed.to_string())
}

/// That of the certificate in the Secret.
async fn issued(stage: &Stage) -> String {
    let text = stage.secret(CERTIFICATE, "tls.crt").await;
    let read = ["openssl", "x509", "-noout", "-serial"];
    stage.kubernetes().exec(&read, Some(&text)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_cert_manager_is_ordered_awaited_served_and_renewed_without_a_restart() {
    let stage = Stage::named("cert-manager").set(LOOKS).start().await;
    cert_manager(&stage, &["uninstall"]).await;
    stage.apply_proxy(json!({"replicas": 1, "tls": {"issuerRef": {"name": "clients"}}})).await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    let message = awaited(&stage, "install cert-manager").await;
    assert!(message.contains(CERTIFICATE) && message.contains("tls.issuerRef"), "{message}");

    cert_manager(&stage, &["install"]).await;
    cert_manager(&stage, &["issuer", stage.namespace(), "clients"]).await;
    // The Issuer of the sample is one that cert-manager's definitions take.
    let sample =
        std::fs::read_to_string(SAMPLE).unwrap().replace("namespace: kafka", "namespace: cert-manager");
    stage.apply(sample.split("---\n").next().unwrap()).await;
    let ordered = async || {
        let found = stage.try_kubectl(&["get", "certificate", CERTIFICATE, "-o", "json"]).await;
        found.map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap())
    };
    let certificate = eventually_ok("a certificate is ordered", PATIENCE, ordered).await;
    let service = "my-cluster-encryption-bootstrap";
    let names = ["", ".cert-manager", ".cert-manager.svc", ".cert-manager.svc.cluster.local"];
    assert_eq!(certificate["spec"]["dnsNames"], json!(names.map(|rest| format!("{service}{rest}"))));
    assert_eq!(certificate["spec"]["secretName"], CERTIFICATE);
    assert_eq!(certificate["spec"]["issuerRef"]["name"], "clients");
    assert!(awaited(&stage, "has not issued").await.contains(CERTIFICATE));

    cert_manager(&stage, &["issue", stage.namespace(), CERTIFICATE]).await;
    stage.await_ready("encproxy/my-cluster").await;
    stage.await_ready("tep/orders").await;
    let authority: PathBuf = stage.file("clients-ca.crt", &stage.secret("clients-ca", "tls.crt").await);
    let properties = Client::Java.tls(&authority, None);
    stage.create_topic_as(&properties, "orders.new", 1, &[]).await;
    let orders = Payload::new(8).orders(20);
    let to = ProduceOptions::to(stage.bootstrap(), "orders.new").properties(&properties);
    Client::Java.produce_all(&to, &orders).await;
    let from = ConsumeOptions::from(stage.bootstrap(), "orders.new").properties(&properties);
    assert_same("by clients that trust the issuer", &orders, &Client::Java.consume_all(&from).await);

    let authority = authority.to_str().unwrap();
    let first = issued(&stage).await;
    assert_eq!(shown(&stage, authority).await.unwrap(), first);
    let strangers = stage.strimzi_trust().await;
    assert!(shown(&stage, strangers.to_str().unwrap()).await.is_err(), "anybody's certificate is taken");
    let before = stage.fleet().await;
    cert_manager(&stage, &["issue", stage.namespace(), CERTIFICATE]).await;
    let second = issued(&stage).await;
    assert_ne!(first, second);
    let renewed = async || match shown(&stage, authority).await {
        Ok(serial) if serial == second => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the renewed certificate is shown", PATIENCE, renewed).await;
    assert_eq!(stage.fleet().await, before, "the same pods, without a restart");
    stage.await_ready("encproxy/my-cluster").await;

    // Another issuer takes over, and clients trust both for a while.
    cert_manager(&stage, &["issuer", stage.namespace(), "second"]).await;
    let moved = json!({"spec": {"tls": {"issuerRef": {"name": "second"}}}});
    stage.patch("encproxy", "my-cluster", moved).await;
    let ordered = async || {
        let certificate = stage.get("certificate", CERTIFICATE).await;
        let issuer = certificate["spec"]["issuerRef"]["name"].clone();
        if issuer == "second" { Ok(()) } else { Err(issuer) }
    };
    eventually_ok("the second issuer is asked", PATIENCE, ordered).await;
    cert_manager(&stage, &["issue", stage.namespace(), CERTIFICATE]).await;
    let [former, second] =
        [stage.secret("clients-ca", "tls.crt").await, stage.secret("second-ca", "tls.crt").await];
    let trusted = async || {
        let bundle = stage.get("configmap", "my-cluster-encryption-ca-cert").await;
        let text = bundle["data"]["ca.crt"].as_str().unwrap().to_owned();
        if text.contains(second.trim()) { Ok(text) } else { Err(text) }
    };
    let both = eventually_ok("clients are told of the second authority", PATIENCE, trusted).await;
    assert!(both.contains(former.trim()), "{both}");
    let both = stage.file("both.crt", &both);
    let shows = async || match shown(&stage, both.to_str().unwrap()).await {
        Ok(serial) if serial == issued(&stage).await => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the certificate of the second one is shown", PATIENCE, shows).await;
    assert_eq!(stage.fleet().await, before, "the same pods, without a restart");
    cert_manager(&stage, &["uninstall"]).await;
}
