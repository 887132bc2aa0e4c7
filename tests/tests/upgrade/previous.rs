//! The release of the previous version, as `tests/fixtures/previous` has it.

use serde_json::{Value, json};
use tests::eventually_ok;
use tests::kubernetes::Stage;

use crate::{KINDS, PATIENCE};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/previous");
/// Takes the annotation off.
const SERIAL: &str = "encryption.strimzi.io/ledger-serial-";
const MANAGER: &str = "--field-manager=topic-encryption-operator";
/// On its definitions, and on no others.
pub(crate) const MARK: &str = "tests.invalid/previous";

/// An installed release.
#[derive(Debug)]
pub(crate) struct Previous {
    /// Images of today's programs, which stand in for its own until its fleet is there.
    operator: String,
    stand_in: String,
    /// The image of its proxies.
    pub(crate) proxy: String,
}

impl Previous {
    /// In place of the present one, definitions included.
    pub(crate) async fn install(stage: &Stage) -> Self {
        stage.helm(&["uninstall", "topic-encryption", "--wait"]).await.unwrap();
        for definition in
            ["topicencryptionpolicies.encryption.strimzi.io", "encryptionproxies.encryption.strimzi.io"]
        {
            assert!(
                stage.find("crd", definition).await.is_some(),
                "{definition} outlasts the release that owned it"
            );
        }
        let definitions =
            ["delete", "--ignore-not-found", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/../crds")];
        stage.kubectl(&definitions).await;
        let operator = stage.kubernetes().under_tag("topic-encryption-operator", "previous").await;
        let stand_in = stage.kubernetes().under_tag("topic-encryption-proxy", "previous").await;
        let proxy = stage.kubernetes().previous_proxy().await;
        let previous = Self { operator, stand_in, proxy };
        previous.release(stage, "install", 1).await;
        previous
    }

    async fn release(&self, stage: &Stage, verb: &str, replicas: usize) {
        let images = format!("operator={},proxy={},replicas={replicas}", self.operator, self.stand_in);
        let chart = format!("{FOLDER}/chart");
        stage.helm(&[verb, "topic-encryption", &chart, "--wait", "--set", &images]).await.unwrap();
    }

    /// Ends the operator, and puts what it left behind, its proxies included, over what today's made in its place.
    pub(crate) async fn leave(&self, stage: &Stage) {
        self.release(stage, "upgrade", 0).await;
        let selector = "--selector=app.kubernetes.io/name=topic-encryption-operator";
        stage.kubectl(&["wait", "--for=delete", "pods", selector, "--timeout=60s"]).await;
        let uid = stage.get("kafka", "my-cluster").await["metadata"]["uid"].as_str().unwrap().to_owned();
        for frozen in fleet(&uid, &self.proxy) {
            self.put(stage, frozen).await;
        }
        let rolled_out = ["rollout", "status", "deployment/my-cluster-encryption", "--timeout=90s"];
        stage.kubectl(&rolled_out).await;
        let alone = async || {
            let pods = stage.await_fleet(2).await.pods;
            if pods.iter().any(|pod| pod.ending) { Err("pods are ending") } else { Ok(()) }
        };
        eventually_ok("the previous proxies are there", PATIENCE, alone).await;
    }

    async fn put(&self, stage: &Stage, mut frozen: Value) {
        let kind = frozen["kind"].as_str().unwrap().to_owned();
        let name = frozen["metadata"]["name"].as_str().unwrap().to_owned();
        // The previous version noted no serial; today's would take the frozen ledger for one that was set back.
        if kind == "Secret" {
            stage.kubectl(&["annotate", "secret", &name, SERIAL]).await;
        }
        let there = stage.get(&kind, &name).await;
        let path = stage.file("frozen.json", "").to_str().unwrap().to_owned();
        let words = match (kind.as_str(), name.as_str()) {
            // Their contents are secret, or old one day: what must be the same is what there is of them.
            ("Secret", _) => {
                assert_eq!(
                    shape(&there),
                    shape(&frozen),
                    "today's operator cannot stand in for the previous one"
                );
                return;
            }
            // This one is not applied but created and replaced.
            (_, "my-cluster-encryption-ledger") => vec!["replace", MANAGER, "-f", &path],
            _ => vec!["apply", "--server-side", "--force-conflicts", MANAGER, "-f", &path],
        };
        if name == "my-cluster-encryption-ca-cert" {
            frozen["data"] = there["data"].clone();
        }
        std::fs::write(&path, frozen.to_string()).unwrap();
        stage.kubectl(&words).await;
    }
}

/// The frozen objects, with what is not the same in every cluster.
fn fleet(kafka: &str, proxy: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{FOLDER}/fleet.json")).unwrap();
    let text = text.replace("KAFKA_UID", kafka).replace("PROXY_IMAGE", proxy);
    let objects: Vec<Value> = serde_json::from_str(&text).unwrap();
    let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert!(KINDS.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    objects
}

/// All of a Secret but its contents.
fn shape(secret: &Value) -> Value {
    let entries: Vec<_> = secret["data"].as_object().unwrap().keys().collect();
    let metadata = &secret["metadata"];
    let owners = metadata["ownerReferences"].as_array().map_or(0, Vec::len);
    json!([secret["type"], metadata["labels"], metadata["annotations"], owners, entries])
}
