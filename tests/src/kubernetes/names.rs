//! What DNS leads to the proxies.

use serde_json::json;

use super::stage::Stage;

impl Stage {
    /// Has DNS lead these names of the namespace (`NAME.NAMESPACE.svc`) to one of its Services, as others do outside of Kubernetes.
    pub async fn lead(&self, names: &[&str], service: &str) {
        let leads = format!("{service}.{}.svc.cluster.local", self.namespace());
        let alias = |name: &&str| {
            json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name},
                "spec": {"type": "ExternalName", "externalName": leads},
            })
        };
        let items: Vec<_> = names.iter().map(alias).collect();
        self.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).await;
    }
}
