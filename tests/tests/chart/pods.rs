//! What runs: the `restricted` Pod Security Standard, and the environment that the operator is told its settings by.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::object::{at, items, of_kind, text};
use crate::{golden, helm};

fn pod(objects: &[Value]) -> Value {
    let deployments = of_kind(objects, "Deployment");
    assert_eq!(deployments.len(), 1);
    at(deployments.first().unwrap(), "spec/template").clone()
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["containers", "initContainers", "ephemeralContainers"].into_iter().flat_map(|field| items(spec, field))
}

/// What the `restricted` standard has against a pod; empty where nothing.
fn objections(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    let volumes = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        demand(at(spec, field).as_bool() != Some(true), field);
    }
    for volume in items(spec, "volumes") {
        let source = volume.as_object().unwrap().keys().find(|key| *key != "name");
        demand(source.is_some_and(|source| volumes.contains(&source.as_str())), "volume type");
    }
    demand(items(spec, "securityContext/sysctls").is_empty(), "sysctls");
    for container in containers(spec) {
        // What a container does not say, its pod says.
        let said = |field: &str| {
            let own = at(container, &format!("securityContext/{field}"));
            if own.is_null() { at(spec, &format!("securityContext/{field}")) } else { own }
        };
        let own = |field: &str| at(container, &format!("securityContext/{field}"));
        demand(said("runAsNonRoot").as_bool() == Some(true), "runAsNonRoot");
        demand(said("runAsUser").as_i64() != Some(0), "runAsUser");
        let profile = said("seccompProfile").get("type").and_then(Value::as_str);
        demand(matches!(profile, Some("RuntimeDefault" | "Localhost")), "seccompProfile");
        demand(own("privileged").as_bool() != Some(true), "privileged");
        demand(own("allowPrivilegeEscalation").as_bool() == Some(false), "allowPrivilegeEscalation");
        let dropped = items(container, "securityContext/capabilities/drop");
        demand(dropped.iter().any(|capability| capability == "ALL"), "capabilities.drop");
        let added = items(container, "securityContext/capabilities/add");
        demand(added.iter().all(|capability| capability == "NET_BIND_SERVICE"), "capabilities.add");
        demand(own("procMount").as_str().is_none_or(|mount| mount == "Default"), "procMount");
        demand(items(container, "ports").iter().all(|port| at(port, "hostPort").is_null()), "hostPort");
    }
    found
}

#[test]
fn every_pod_satisfies_the_restricted_standard() {
    for case in golden::cases() {
        let spec = at(&pod(&golden::objects(&case)), "spec").clone();
        assert_eq!(objections(&spec), Vec::<String>::new(), "{case}");
        assert_eq!(containers(&spec).count(), 1, "{case}");
        for container in containers(&spec) {
            assert_eq!(at(container, "securityContext/readOnlyRootFilesystem"), true, "{case}");
            assert!(!at(container, "resources/requests/memory").is_null(), "{case}");
            assert!(!at(container, "resources/limits/memory").is_null(), "{case}");
        }
    }
}

#[test]
fn pods_that_are_not_restricted_are_found() {
    let spec = serde_json::json!({
        "hostNetwork": true,
        "volumes": [{"name": "a", "hostPath": {"path": "/"}}],
        "containers": [{"securityContext": {"privileged": true, "runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}}}],
    });
    let found = objections(&spec);
    for objection in [
        "hostNetwork",
        "volume type",
        "runAsNonRoot",
        "runAsUser",
        "seccompProfile",
        "privileged",
        "allowPrivilegeEscalation",
        "capabilities.drop",
        "capabilities.add",
    ] {
        assert!(found.iter().any(|each| each == objection), "{objection} is not among {found:?}");
    }
}

#[test]
fn openshift_assigns_users_itself() {
    let objects = helm::objects(&["--api-versions", "security.openshift.io/v1"]);
    let spec = at(&pod(&objects), "spec").clone();
    assert_eq!(at(&spec, "securityContext/runAsUser"), &Value::Null);
    assert_eq!(objections(&spec), Vec::<String>::new());
}

/// Variables with a value; those from fields by the field's path.
fn environment(arguments: &[&str]) -> BTreeMap<String, String> {
    let pod = pod(&helm::objects(arguments));
    let container = items(&pod, "spec/containers").first().unwrap().clone();
    let value = |variable: &Value| {
        let field = text(variable, "valueFrom/fieldRef/fieldPath");
        if field.is_empty() { text(variable, "value").to_owned() } else { format!("${field}") }
    };
    let variables = items(&container, "env").iter();
    variables.map(|variable| (text(variable, "name").to_owned(), value(variable))).collect()
}

#[test]
fn the_operator_is_told_its_settings() {
    let version = text(
        &crate::object::parse_one(&crate::files::read(&crate::files::chart("Chart.yaml"))),
        "appVersion",
    )
    .to_owned();
    let said = environment(&[]);
    let expected = [
        ("CLUSTER_DOMAIN", "cluster.local"),
        ("LEADER_ELECTION", "true"),
        ("LEASE_NAME", "topic-encryption-operator"),
        ("LOG_LEVEL_FILE", "/etc/topic-encryption-operator/log-level"),
        ("METRICS_NAMESPACE_LABELS", "encryption.strimzi.io/scrape=true"),
        ("NETWORK_POLICIES", "true"),
        ("POD_DISRUPTION_BUDGETS", "true"),
        ("POD_NAME", "$metadata.name"),
        ("POD_NAMESPACE", "$metadata.namespace"),
        ("PROXY_IMAGE", &format!("strimzi/topic-encryption-proxy:{version}")),
        ("PROXY_IMAGE_PULL_POLICY", "IfNotPresent"),
        ("RESYNC_SECONDS", "30"),
        ("WATCH_NAMESPACES", "$metadata.namespace"),
    ];
    assert_eq!(said, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn each_way_of_watching_reaches_the_operator() {
    let watched = |arguments: &[&str]| environment(arguments)["WATCH_NAMESPACES"].clone();
    assert_eq!(watched(&["--set", "watchNamespaces={b,a}"]), "b,a");
    assert_eq!(watched(&["--set", "watchAnyNamespace=true,kafkaNamespaces={a}"]), "*");
}

#[test]
fn images_are_taken_by_registry_tag_or_digest() {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let images = |settings: &str| {
        let pod = pod(&helm::objects(&["--set", settings]));
        let container = items(&pod, "spec/containers").first().unwrap().clone();
        (text(&container, "image").to_owned(), environment(&["--set", settings])["PROXY_IMAGE"].clone())
    };
    let (operator, proxy) =
        images(&format!("image.digest={digest},proxy.image.digest={digest},defaultImageTag=v9"));
    assert_eq!(operator, format!("strimzi/topic-encryption-operator@{digest}"));
    assert_eq!(proxy, format!("strimzi/topic-encryption-proxy@{digest}"));
    let (operator, proxy) = images(
        "defaultImageRegistry=registry.example.com:5000,defaultImageTag=v9,proxy.image.registry=other.example.com,proxy.image.repository=a/b,proxy.image.name=p,proxy.image.tag=v1",
    );
    assert_eq!(operator, "registry.example.com:5000/strimzi/topic-encryption-operator:v9");
    assert_eq!(proxy, "other.example.com/a/b/p:v1");
}

#[test]
fn a_new_log_level_restarts_nothing() {
    let of = |level: &str| helm::objects(&["--set", &format!("logLevel={level}")]);
    assert_eq!(pod(&of("info")), pod(&of("debug")));
    assert_ne!(of("info"), of("debug"));
}

#[test]
fn a_new_version_of_the_chart_alone_restarts_nothing() {
    let labels = at(&pod(&helm::objects(&[])), "metadata/labels").clone();
    assert!(labels.get("helm.sh/chart").is_none() && labels.get("app.kubernetes.io/version").is_none());
}
