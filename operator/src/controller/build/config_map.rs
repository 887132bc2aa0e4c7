//! The ConfigMap of the proxies.
//!
//! `proxy.yaml` is read once, so a change of it rolls the pods. `brokers.yaml` and `policy.yaml` are followed while the
//! proxies run. `sources.yaml` is for the operator and for people: which policy said what; so is the copy of the ledger
//! that proxies were told with.

mod listener;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::deployment::{
    ADMIN_PORT, KEYS_DIRECTORY, PRE_STOP_SECONDS, UPSTREAM_CA_DIRECTORY, UPSTREAM_USER_DIRECTORY,
    grace_period_seconds,
};
use super::key_providers;
use crate::fleet::{Authentication, Fleet, Trust};

/// What stays free of the grace period once proxies have drained.
const EXIT_SECONDS: i64 = 5;
/// Every address of both families; proxies fall back to IPv4 where the node has no other.
const ANY_ADDRESS: &str = "[::]";
/// The entry with brokers' certificates, where these are no Secret.
pub(crate) const UPSTREAM_CA_FILE: &str = "upstream-ca.crt";

/// The entry with a copy of the ledger.
pub(crate) const LEDGER_COPY: &str = "ledger.yaml";

/// The files of the proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) proxy: String,
    pub(crate) brokers: String,
    pub(crate) policy: String,
    pub(crate) sources: String,
    pub(crate) ledger: String,
}

pub(crate) fn config_map(fleet: &Fleet, files: &Files) -> ConfigMap {
    let mut data: BTreeMap<String, String> = [
        ("proxy.yaml", &files.proxy),
        ("brokers.yaml", &files.brokers),
        ("policy.yaml", &files.policy),
        ("sources.yaml", &files.sources),
        (LEDGER_COPY, &files.ledger),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text.clone()))
    .collect();
    if let Some(Trust::Certificates(pem)) = &fleet.upstream.trust {
        data.insert(UPSTREAM_CA_FILE.to_owned(), pem.clone());
    }
    ConfigMap { metadata: fleet.metadata(fleet.names.config()), data: Some(data), ..ConfigMap::default() }
}

/// Where every broker is.
pub(crate) fn brokers_yaml(fleet: &Fleet) -> Value {
    let brokers: BTreeMap<String, String> =
        fleet.upstream.brokers.iter().map(|(id, address)| (id.to_string(), address.to_string())).collect();
    json!({"brokers": brokers})
}

/// What proxies read once. Listeners without an address yet are not in it, since clients would be told nothing useful.
pub(crate) fn proxy_yaml(fleet: &Fleet) -> Value {
    let mut config = json!({
        "cluster": fleet.key.to_string(),
        "upstream": upstream(fleet),
        "listeners": fleet.reachable().map(|(each, host)| listener::listener(fleet, each, host)).collect::<Vec<_>>(),
        "keyProviders": providers(fleet),
        // The operator remembers what was ever encrypted; a memory of each proxy's own would contradict it sooner or later.
        "policy": {"file": "policy.yaml", "ledger": "external"},
        "admin": {"bind": format!("{ANY_ADDRESS}:{ADMIN_PORT}")},
        "drain": {"seconds": grace_period_seconds(fleet) - PRE_STOP_SECONDS - EXIT_SECONDS},
        "log": {"format": fleet.logging.format, "level": fleet.logging.level},
    });
    if let Some(settles) = &fleet.history_settles {
        config["policy"]["historySettles"] = json!(settles);
    }
    if let Some(keys) = &fleet.keys {
        config["keys"] = json!(keys);
    }
    if let Some(limits) = &fleet.limits {
        config["limits"] = json!(limits);
    }
    config
}

fn upstream(fleet: &Fleet) -> Value {
    let servers: Vec<_> = fleet.upstream.bootstrap.iter().map(ToString::to_string).collect();
    let mut upstream = json!({"bootstrapServers": servers, "brokersFile": "brokers.yaml"});
    match &fleet.upstream.trust {
        Some(Trust::Secret(_)) => upstream["tls"] = json!({"caDirectory": UPSTREAM_CA_DIRECTORY}),
        Some(Trust::Certificates(_)) => upstream["tls"] = json!({"caFile": UPSTREAM_CA_FILE}),
        None => {}
    }
    match &fleet.upstream.authentication {
        Some(Authentication::Tls { .. }) => {
            upstream["authentication"] = json!({"tls": {
                "certificateFile": format!("{UPSTREAM_USER_DIRECTORY}/user.crt"),
                "keyFile": format!("{UPSTREAM_USER_DIRECTORY}/user.key"),
            }});
        }
        Some(Authentication::ScramSha512 { username, .. }) => {
            upstream["authentication"] = json!({"scramSha512": {
                "username": username,
                "passwordFile": format!("{UPSTREAM_USER_DIRECTORY}/password"),
            }});
        }
        None => {}
    }
    upstream
}

fn providers(fleet: &Fleet) -> Value {
    let providers: BTreeMap<String, Value> = fleet
        .providers
        .iter()
        .map(|(name, provider)| {
            let directory = format!("{KEYS_DIRECTORY}/{name}");
            (name.to_string(), key_providers::settings(provider, &directory))
        })
        .collect();
    json!(providers)
}
