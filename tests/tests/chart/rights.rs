//! Which rights the operator gets, and where.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::object::{at, items, kind, name, namespace, of_kind, text};
use crate::{golden, helm};

/// Verbs by `group/resource`, of one role.
fn rights(role: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut rights: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let strings = |rule: &Value, field: &str| -> Vec<String> {
        items(rule, field).iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    for rule in items(role, "rules") {
        for group in strings(rule, "apiGroups") {
            for resource in strings(rule, "resources") {
                rights.entry(format!("{group}/{resource}")).or_default().extend(strings(rule, "verbs"));
            }
        }
    }
    rights
}

fn table(rows: &[(&'static str, &'static str)]) -> BTreeMap<String, BTreeSet<String>> {
    let verbs = |verbs: &'static str| verbs.split(' ').map(str::to_owned);
    let mut rights: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for &(resource, each) in rows {
        rights.entry(resource.to_owned()).or_default().extend(verbs(each));
    }
    rights
}

const RESOURCES: [(&str, &str); 10] = [
    ("encryption.strimzi.io/topicencryptionpolicies", "list watch"),
    ("encryption.strimzi.io/topicencryptionpolicies/status", "patch"),
    ("encryption.strimzi.io/encryptionproxies", "list watch"),
    ("encryption.strimzi.io/encryptionproxies/status", "patch"),
    ("encryption.strimzi.io/encryptionproxies/finalizers", "update"),
    ("kafka.strimzi.io/kafkas", "get list watch"),
    ("kafka.strimzi.io/kafkas/finalizers", "update"),
    ("kafka.strimzi.io/kafkanodepools", "list watch"),
    ("kafka.strimzi.io/kafkatopics", "list watch"),
    ("kafka.strimzi.io/kafkausers", "list watch"),
];
/// What of the operator's objects may be seen.
const SEEN: [(&str, &str); 8] = [
    ("/configmaps", "get list watch"),
    ("/services", "list watch"),
    ("/serviceaccounts", "list watch"),
    ("/pods", "list watch"),
    ("apps/deployments", "get list watch"),
    ("policy/poddisruptionbudgets", "list watch"),
    ("networking.k8s.io/networkpolicies", "list watch"),
    ("events.k8s.io/events", "create patch"),
];
/// What of it is made, only where Kafka clusters are.
const MADE: [(&str, &str); 9] = [
    ("/configmaps", "create patch delete"),
    ("/services", "create patch delete"),
    ("/serviceaccounts", "create patch delete"),
    ("/pods", "patch"),
    ("apps/deployments", "create patch"),
    ("policy/poddisruptionbudgets", "create patch delete"),
    ("networking.k8s.io/networkpolicies", "create patch delete"),
    ("cert-manager.io/certificates", "get create patch delete"),
    ("gateway.networking.k8s.io/tlsroutes", "list create patch delete"),
];
const SECRETS: (&str, &str) = ("/secrets", "get create patch");
const NAMESPACES: (&str, &str) = ("/namespaces", "get");

/// All rights in a namespace of its own.
fn all() -> BTreeMap<String, BTreeSet<String>> {
    table(&[&RESOURCES[..], &SEEN, &MADE, &[SECRETS]].concat())
}

fn role<'a>(objects: &'a [Value], wanted: &str, place: &str) -> &'a Value {
    let roles = of_kind(objects, "Role");
    roles.into_iter().find(|role| name(role) == wanted && namespace(role) == place).unwrap()
}

/// Conformance: P17-42.
#[test]
fn by_default_all_rights_are_in_the_release_namespace() {
    let objects = helm::objects(&[]);
    let watched = role(&objects, "topic-encryption-operator", "kafka");
    assert_eq!(rights(watched), all());
    let election = role(&objects, "topic-encryption-operator-leader-election", "kafka");
    assert_eq!(rights(election), table(&[("coordination.k8s.io/leases", "get create patch")]));
    assert_eq!(of_kind(&objects, "Role").len(), 2);
    assert_eq!(of_kind(&objects, "ClusterRole"), Vec::<&Value>::new());
    assert_eq!(of_kind(&objects, "ClusterRoleBinding"), Vec::<&Value>::new());
}

#[test]
fn watched_namespaces_get_a_role_each_and_the_release_namespace_none_but_the_lease() {
    let objects = helm::objects(&["--set", "watchNamespaces={payments,orders}"]);
    for place in ["payments", "orders"] {
        let watched = role(&objects, "topic-encryption-operator", place);
        assert_eq!(rights(watched), all());
    }
    let here: Vec<_> =
        of_kind(&objects, "Role").into_iter().filter(|role| namespace(role) == "kafka").collect();
    assert_eq!(here.len(), 1, "{here:?}");
    assert_eq!(rights(here.first().unwrap()).into_keys().collect::<Vec<_>>(), ["coordination.k8s.io/leases"]);
    assert_eq!(of_kind(&objects, "ClusterRole"), Vec::<&Value>::new());
}

#[test]
fn selecting_by_namespace_labels_adds_nothing_but_reading_namespaces() {
    let objects = helm::objects(&["--set", "rbac.namespaceSelectors=true"]);
    let roles = of_kind(&objects, "ClusterRole");
    assert_eq!(roles.len(), 1);
    assert_eq!(rights(roles.first().unwrap()), table(&[NAMESPACES]));
}

#[test]
fn cluster_wide_rights_only_show_and_what_is_made_and_secrets_are_granted_by_namespace() {
    let objects = helm::objects(&["--set", "watchAnyNamespace=true,kafkaNamespaces={kafka,events}"]);
    let roles = of_kind(&objects, "ClusterRole");
    assert_eq!(roles.len(), 1);
    assert_eq!(rights(roles.first().unwrap()), table(&[&RESOURCES[..], &SEEN, &[NAMESPACES]].concat()));
    for place in ["kafka", "events"] {
        let watched = role(&objects, "topic-encryption-operator", place);
        assert_eq!(rights(watched), table(&[&MADE[..], &[SECRETS]].concat()));
    }
    assert_eq!(of_kind(&objects, "Role").len(), 3);
}

#[test]
fn certificates_are_ordered_only_where_that_is_allowed() {
    let objects = helm::objects(&["--set", "rbac.certManager=false"]);
    let watched = rights(role(&objects, "topic-encryption-operator", "kafka"));
    assert!(!watched.keys().any(|resource| resource.starts_with("cert-manager.io/")), "{watched:?}");
}

#[test]
fn routes_are_made_only_where_that_is_allowed() {
    let objects = helm::objects(&["--set", "rbac.gatewayApi=false"]);
    let watched = rights(role(&objects, "topic-encryption-operator", "kafka"));
    assert!(
        !watched.keys().any(|resource| resource.starts_with("gateway.networking.k8s.io/")),
        "{watched:?}"
    );
}

#[test]
fn secrets_are_bound_to_names_where_kafka_clusters_are_listed() {
    let objects = helm::objects(&["--set", "rbac.kafkaNames={orders},rbac.secretNames={strimzi-proxies}"]);
    let watched = role(&objects, "topic-encryption-operator", "kafka");
    let mut verbs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in items(watched, "rules").iter().filter(|rule| items(rule, "resources") == ["secrets"]) {
        let names = at(rule, "resourceNames").as_array().cloned().unwrap_or_else(|| vec!["*".into()]);
        for name in names {
            let each = items(rule, "verbs").iter().map(|verb| verb.as_str().unwrap().to_owned());
            verbs.entry(name.as_str().unwrap().to_owned()).or_default().extend(each);
        }
    }
    let expected = table(&[
        ("*", "create"),
        ("orders-encryption-ca", "get patch"),
        ("orders-encryption-client", "get patch"),
        ("orders-encryption-keys", "get patch"),
        ("orders-encryption-tls", "get patch"),
        ("orders-clients-ca-cert", "get"),
        ("orders-cluster-ca-cert", "get"),
        ("strimzi-proxies", "get"),
    ]);
    assert_eq!(verbs, expected);
}

#[test]
fn no_cluster_role_ever_reaches_secrets() {
    for case in golden::cases() {
        for role in of_kind(&golden::objects(&case), "ClusterRole") {
            for (resource, verbs) in rights(role) {
                assert!(!resource.contains('*') && !verbs.contains("*"), "{case}: {resource} {verbs:?}");
                assert!(!resource.contains("/secrets") && !resource.contains("/token"), "{case}: {resource}");
                assert!(!resource.starts_with("rbac.authorization.k8s.io/"), "{case}: {resource}");
            }
            assert_eq!(at(role, "aggregationRule"), &Value::Null, "{case}");
        }
    }
}

#[test]
fn aggregate_roles_come_only_when_asked_for_and_reach_only_our_resources() {
    let objects = helm::objects(&["--set", "createAggregateRoles=true"]);
    let roles = of_kind(&objects, "ClusterRole");
    assert_eq!(
        roles.iter().map(|role| name(role)).collect::<Vec<_>>(),
        ["view", "policies-edit", "proxies-edit"].map(|role| format!("topic-encryption-operator-{role}"))
    );
    // To edit proxies is to make pods, so who may edit policies may not thereby do that.
    let policies = roles.get(1).unwrap();
    assert!(rights(policies).keys().all(|resource| resource.ends_with("/topicencryptionpolicies")));
    for role in &roles {
        assert!(rights(role).keys().all(|resource| resource.starts_with("encryption.strimzi.io/")));
    }
    let view = roles.first().unwrap();
    assert!(rights(view).values().flatten().all(|verb| ["get", "list", "watch"].contains(&verb.as_str())));
    assert_eq!(of_kind(&objects, "ClusterRoleBinding"), Vec::<&Value>::new());
}

#[test]
fn without_global_resources_there_are_no_cluster_roles() {
    let settings = "watchAnyNamespace=true,kafkaNamespaces={kafka},createAggregateRoles=true,createGlobalResources=false";
    let objects = helm::objects(&["--set", settings]);
    assert!(!objects.iter().any(|object| kind(object).starts_with("ClusterRole")));
}

#[test]
fn every_binding_binds_a_role_that_is_there_to_the_operator() {
    for case in golden::cases() {
        let objects = golden::objects(&case);
        let account = of_kind(&objects, "ServiceAccount").first().map_or("", |account| name(account));
        let bindings = objects.iter().filter(|object| kind(object).ends_with("RoleBinding"));
        let mut bound = 0;
        for binding in bindings {
            let found = objects.iter().any(|role| {
                kind(role) == text(binding, "roleRef/kind")
                    && name(role) == text(binding, "roleRef/name")
                    && namespace(role) == namespace(binding)
            });
            assert!(found, "{case}: {binding}");
            for subject in items(binding, "subjects") {
                assert_eq!((text(subject, "name"), text(subject, "namespace")), (account, "kafka"), "{case}");
            }
            bound += 1;
        }
        let roles = objects.iter().filter(|object| kind(object) == "Role").count();
        assert!(bound >= roles, "{case}: {roles} roles, {bound} bindings");
    }
}
