//! Whole passes against an API server in memory: what is written, and in which order.

mod certificates;
mod events;
mod failures;
mod ledger;
mod metrics;
mod older_definitions;
mod order;
mod removal;
mod routes;
mod secrecy;
mod selector;
mod strimzi;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use kube::runtime::controller::Action;
use kube::runtime::events::Recorder;
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use prometheus_client::registry::Registry;
use serde::Serialize;

use super::{Context, Error, Memory, reconcile};
use crate::cluster::Mentioned;
use crate::controller::dereference::Reader;
use crate::controller::fixtures::api_server::ApiServer;
use crate::controller::fixtures::{key, observed, settings};
use crate::controller::strimzi_api::StrimziApi;
use crate::metrics::Metrics;

const CORE: &str = "/api/v1/namespaces/kafka";
const OURS: &str = "/apis/encryption.strimzi.io/v1alpha1/namespaces/kafka";
const STRIMZI: &str = "/apis/kafka.strimzi.io/v1/namespaces/kafka";

/// An operator with the cluster that it looks after.
struct World {
    server: ApiServer,
    context: Arc<Context>,
    registry: Registry,
}

impl World {
    /// With Strimzi and a Kafka cluster, of which nobody says anything yet.
    async fn new() -> Self {
        Self::started_with(&[]).await
    }

    /// The same, with more settings.
    async fn started_with(more: &[&str]) -> Self {
        let server = ApiServer::default();
        let strimzi = observed().strimzi.expect("Strimzi is installed");
        server.put(&format!("{STRIMZI}/kafkas"), &strimzi.kafka);
        for pool in &strimzi.pools {
            server.put(&format!("{STRIMZI}/kafkanodepools"), pool);
        }
        let mut registry = Registry::default();
        let context = context(&server, &mut registry, more).await;
        Self { server, context, registry }
    }

    /// Another operator with these settings takes over.
    async fn restarted_with(self, more: &[&str]) -> Self {
        let mut registry = Registry::default();
        let context = context(&self.server, &mut registry, more).await;
        Self { server: self.server, context, registry }
    }

    /// The same with one policy.
    async fn with_policy() -> Self {
        let world = Self::new().await;
        world.policy(&observed().policies[0]);
        world
    }

    fn policy(&self, policy: &TopicEncryptionPolicy) {
        self.put(OURS, "topicencryptionpolicies", policy);
    }

    fn proxy(&self, proxy: &EncryptionProxy) {
        self.put(OURS, "encryptionproxies", proxy);
    }

    fn service(&self, service: &Service) {
        self.put(CORE, "services", service);
    }

    fn put(&self, base: &str, plural: &str, object: &impl Serialize) {
        self.server.put(&format!("{base}/{plural}"), object);
    }

    /// One pass, which goes well.
    async fn pass(&self) -> Vec<String> {
        self.try_pass().await.expect("the pass goes well");
        self.server.writes()
    }

    async fn try_pass(&self) -> Result<Action, Error> {
        reconcile(Arc::new(Mentioned::from(key())), self.context.clone()).await
    }

    /// The ledger as it is.
    fn ledger(&self) -> String {
        let ledger = self.server.get(LEDGER).expect("there is a ledger");
        ledger["data"]["ledger.yaml"].as_str().expect("a text").to_owned()
    }

    /// What proxies are told now.
    fn told(&self) -> String {
        let config = self.server.get(CONFIG).expect("there is a policy");
        config["data"]["policy.yaml"].as_str().expect("a text").to_owned()
    }

    fn ready(&self, path: &str) -> String {
        self.condition(path, "Ready").0
    }

    /// Status and reason of a condition, and its message.
    fn condition(&self, path: &str, kind: &str) -> (String, String) {
        let object = self.server.get(path).expect("it is there");
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions.iter().find(|each| each["type"] == kind).expect("it is told");
        let text = |field: &str| found[field].as_str().unwrap().to_owned();
        (format!("{} {}", text("status"), text("reason")), text("message"))
    }
}

const CONFIG: &str = "/api/v1/namespaces/kafka/configmaps/my-cluster-encryption-config";
const LEDGER: &str = "/api/v1/namespaces/kafka/configmaps/my-cluster-encryption-ledger";
const POLICY: &str = "/apis/encryption.strimzi.io/v1alpha1/namespaces/kafka/topicencryptionpolicies/payments";
const PROXY: &str = "/apis/encryption.strimzi.io/v1alpha1/namespaces/kafka/encryptionproxies/proxies";

async fn context(server: &ApiServer, registry: &mut Registry, more: &[&str]) -> Arc<Context> {
    let client = server.client();
    let strimzi = StrimziApi::look(client.clone());
    strimzi.look_again().await;
    let usual: &[&str] =
        if more.contains(&"--watch-namespaces") { &[] } else { &["--watch-namespaces", "kafka"] };
    let settings = settings(&[usual, more].concat());
    Arc::new(Context {
        reader: Reader { client: client.clone(), http: reqwest::Client::new(), strimzi },
        recorder: Recorder::new(client.clone(), "operator".into()),
        memory: Memory::default(),
        client,
        metrics: Metrics::register(registry, settings.selector.as_deref()),
        settings,
    })
}

/// Where the first write of these is.
fn place(writes: &[String], write: &str) -> usize {
    let found = writes.iter().position(|each| each == write);
    found.unwrap_or_else(|| panic!("no {write} in {writes:#?}"))
}

fn has(writes: &[String], part: &str) -> bool {
    writes.iter().any(|write| write.contains(part))
}
