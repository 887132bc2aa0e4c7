//! Resources of ours are listed in pages: everybody in Kubernetes may write them, and of all that there are only those of one
//! cluster are kept, without the rules of those that do not count anyway.

use kube::api::{Api, DynamicObject, ListParams};
use operator_api::{EncryptionProxy, NamespacesFrom};
use serde_json::json;

use super::Error;
use crate::cluster::KafkaKey;

/// An object has 1.5 MiB at most.
pub(crate) const PAGE: u32 = 50;

/// Hands over page after page, until there is none, or no more is wanted.
pub(super) async fn each_page(
    api: &Api<DynamicObject>,
    kind: &str,
    parameters: &ListParams,
    mut wants_more: impl FnMut(Vec<DynamicObject>) -> bool,
) -> Result<(), Error> {
    let mut parameters = parameters.clone().limit(PAGE);
    loop {
        let listed = api.list(&parameters).await;
        let listed =
            listed.map_err(|source| Error::List { kind: kind.to_owned(), source: Box::new(source) })?;
        let next = listed.metadata.continue_.filter(|token| !token.is_empty());
        match (wants_more(listed.items), next) {
            (true, Some(token)) => parameters = parameters.continue_token(&token),
            _ => return Ok(()),
        }
    }
}

/// Whether policies of a namespace may count, before anything is known of the namespace.
pub(super) fn may_count(namespace: Option<&str>, key: &KafkaKey, proxies: &[EncryptionProxy]) -> bool {
    let lets_others =
        |proxy: &EncryptionProxy| proxy.spec.allowed_policies.namespaces != NamespacesFrom::Same;
    namespace == Some(&key.namespace) || proxies.iter().any(lets_others)
}

/// Takes out what is only of use in a policy that counts.
pub(super) fn without_rules(object: &mut DynamicObject) {
    if let Some(rules) = object.data.get_mut("spec").and_then(|spec| spec.get_mut("rules")) {
        *rules = json!([]);
    }
    object.metadata.managed_fields = None;
    if let Some(annotations) = &mut object.metadata.annotations {
        annotations.clear();
    }
}
