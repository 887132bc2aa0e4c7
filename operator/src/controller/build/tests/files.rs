//! What proxies are told in files, as their own reader takes it.

use std::collections::BTreeSet;
use std::path::Path;

use proxy_config::{AuthenticationMethod, BrokersFile, KeyProvider, ProxyConfig};
use serde_json::json;

use super::{container, everything, pod};
use crate::controller::build::{Files, UPSTREAM_CA_FILE, brokers_yaml, config_map, proxy_yaml, services};
use crate::controller::fixtures::{balancer, fleet, kafka, observed, pool, with_proxy};
use crate::fleet::{Authentication, Fleet};

pub(super) fn config(fleet: &Fleet) -> ProxyConfig {
    let text = serde_yaml::to_string(&proxy_yaml(fleet)).unwrap();
    ProxyConfig::parse(&text, Path::new("/etc/topic-encryption")).unwrap()
}

fn names(fleet: &Fleet) -> Vec<String> {
    config(fleet).listeners.iter().map(|listener| listener.name.to_string()).collect()
}

#[test]
fn proxies_understand_a_fleet_without_any_settings() {
    let fleet = fleet(&observed());
    let config = config(&fleet);
    assert_eq!(config.cluster.as_str(), "kafka/my-cluster");
    assert_eq!(config.upstream.bootstrap_servers[0].to_string(), "my-cluster-kafka-bootstrap.kafka.svc:9093");
    assert!(config.upstream.tls.is_some() && config.upstream.authentication.is_none());
    assert_eq!(config.listeners[0].advertised_host.as_str(), "my-cluster-encryption-bootstrap.kafka.svc");
    assert_eq!(config.admin.bind.to_string(), "[::]:8080");
    assert_eq!(config.policy.state_file, None, "the operator's ledger is the only one");
}

#[test]
fn every_broker_is_told_by_the_name_of_its_pod() {
    let text = serde_yaml::to_string(&brokers_yaml(&fleet(&observed()))).unwrap();
    let brokers = BrokersFile::parse(&text).unwrap().brokers;
    let brokers: Vec<_> = brokers.iter().map(|(id, address)| format!("{id} {address}")).collect();
    let name =
        |pool: &str, id: u32| format!("{id} my-cluster-{pool}-{id}.my-cluster-kafka-brokers.kafka.svc:9093");
    assert_eq!(brokers, [name("brokers", 0), name("combined", 7), name("brokers", 12)]);
}

#[test]
fn every_broker_there_is_and_the_next_ones_have_a_port() {
    let ports = config(&fleet(&observed())).listeners[0].broker_ports().unwrap();
    assert_eq!(*ports.ports().start(), 9093);
    assert!(ports.count() >= 13 + 8, "{}", ports.count());
}

#[test]
fn files_that_proxies_are_told_of_are_mounted() {
    let fleet = everything();
    let mounts = container(&fleet).volume_mounts.unwrap();
    let text = proxy_yaml(&fleet).to_string();
    for mount in mounts.iter().filter(|mount| mount.name != "tmp" && mount.name != "config") {
        assert!(text.contains(&mount.mount_path), "nothing is said of {}", mount.mount_path);
    }
    let authentication = config(&fleet).upstream.authentication.unwrap();
    assert!(matches!(authentication.method, AuthenticationMethod::Tls(_)));
    assert!(config(&fleet).listeners.iter().all(|each| each.tls.as_ref().unwrap().demands_certificates()));
}

#[test]
fn of_the_secret_of_a_user_pods_see_what_the_proxies_log_in_with() {
    let mut by_password = everything();
    by_password.upstream.authentication =
        Some(Authentication::ScramSha512 { secret: "proxies".to_owned(), username: "proxies".to_owned() });
    for (fleet, expected) in
        [(everything(), ["user.crt", "user.key"].as_slice()), (by_password, &["password"])]
    {
        let volumes = pod(&fleet).volumes.unwrap();
        let user = volumes.into_iter().find(|volume| volume.name == "upstream-user").unwrap();
        let items = user.secret.unwrap().items.unwrap();
        assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), expected);
        let told = proxy_yaml(&fleet)["upstream"]["authentication"].to_string();
        for item in items {
            assert!(told.contains(&format!("/etc/topic-encryption-upstream/user/{}\"", item.path)), "{told}");
        }
    }
}

const VAULT: &str = r"{
    keyProviders: [
        {name: default, local: {}},
        {name: bao, vault: {
            address: 'https://bao.example:8200', namespace: team/a, mount: keys/transit, binding: DerivedKey,
            authentication: AUTHENTICATION,
            tls: {caConfigMapRef: {name: bao-ca}, clientSecretRef: {name: bao-client}},
            networkPolicyPeers: [{ipBlock: {cidr: 192.0.2.0/24}}],
        }},
    ],
    keys: {maxAge: 1m, revocationDelay: 30s, outageGrace: 0s, unreadableDelay: 1s, maxCallsPerSecond: 5},
    historySettles: 5s,
}";

/// Conformance: P17-26.
#[test]
fn proxies_are_told_of_a_transit_engine_and_find_what_they_log_in_with() {
    for (authentication, files) in [
        ("{kubernetes: {role: proxies, audience: bao}}", vec!["token"]),
        ("{jwt: {role: proxies, mount: oidc/eu}}", vec!["token"]),
        ("{appRole: {secretRef: {name: bao-role}}}", vec!["role-id", "secret-id"]),
        ("{tokenSecretRef: {name: bao-token}}", vec!["token"]),
    ] {
        let fleet = fleet(&with_proxy(&VAULT.replace("AUTHENTICATION", authentication)));
        let config = config(&fleet);
        assert_eq!(config.keys.max_age.to_string(), "1m");
        assert_eq!(config.keys.revocation_delay.to_string(), "30s");
        assert_eq!(config.keys.unreadable_delay.to_string(), "1s");
        assert_eq!(config.policy.history_settles.to_string(), "5s");
        let KeyProvider::Vault(vault) = config.key_providers.iter().next().unwrap().1 else {
            panic!("it is Vault")
        };
        assert_eq!((vault.mount.as_str(), vault.namespace.as_deref()), ("keys/transit", Some("team/a")));
        let told = proxy_yaml(&fleet)["keyProviders"]["bao"].to_string();
        let mut expected: Vec<&str> = files;
        expected.extend(["ca.crt", "tls.crt", "tls.key"]);
        for file in &expected {
            assert!(told.contains(&format!("/etc/topic-encryption-keys/bao/{file}\"")), "{file}: {told}");
        }
        let volumes = pod(&fleet).volumes.unwrap();
        let projected = volumes.into_iter().find_map(|volume| volume.projected).unwrap();
        let there: Vec<String> = projected
            .sources
            .unwrap()
            .into_iter()
            .flat_map(|source| {
                let token = source.service_account_token.map(|token| token.path);
                let config_map = source.config_map.and_then(|source| source.items);
                let secret = source.secret.and_then(|source| source.items);
                let items = [config_map, secret].into_iter().flatten().flatten().map(|item| item.path);
                token.into_iter().chain(items).collect::<Vec<_>>()
            })
            .collect();
        let mut there: Vec<_> = there.iter().map(String::as_str).collect();
        there.sort_unstable();
        expected.sort_unstable();
        assert_eq!(there, expected, "{authentication}");
    }
}

#[test]
fn strimzis_older_authorities_of_clients_count_and_nothing_but_the_authority_of_a_given_secret() {
    let config = config(&everything());
    let authority = |index: usize| {
        let tls = config.listeners[index].tls.clone().unwrap();
        (
            tls.client_ca_directory.map(|path| path.to_string()),
            tls.client_ca_file.map(|path| path.to_string()),
        )
    };
    let clients = "/etc/topic-encryption-clients";
    assert_eq!(authority(0), (None, Some(format!("{clients}/tls/ca.crt"))));
    assert_eq!(authority(1), (Some(format!("{clients}/mtls")), None));
}

#[test]
fn brokers_that_are_added_never_make_ports_of_listeners_meet() {
    let mut observed = with_proxy(
        "{listeners: [{name: one, port: 9092}, {name: two, port: 9109}, {name: admin, port: 8060}]}",
    );
    for ids in [vec![0], vec![0, 8], vec![0, 15], vec![0, 16, 900]] {
        pool(&mut observed, 0).data["status"]["nodeIds"] = json!(ids);
        let fleet = fleet(&observed);
        let counts: Vec<_> =
            config(&fleet).listeners.iter().map(|each| each.broker_ports().unwrap().count()).collect();
        assert!(counts[0] == 16 && counts[2] <= 19, "{counts:?}");
        let highest = *ids.last().unwrap();
        assert!(i32::from(counts[1]) > highest, "{counts:?}");
        assert_eq!(fleet.crowded().count() > 0, highest > 15);
        let ports: Vec<_> = services(&fleet)
            .into_iter()
            .flat_map(|service| service.spec.unwrap().ports.unwrap())
            .map(|port| port.port)
            .collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len(), "{ports:?}");
    }
}

#[test]
fn a_listener_without_tls_and_brokers_without_tls_need_no_certificates() {
    let fleet = fleet(&with_proxy("{listenerName: plain, listeners: [{name: plain, tls: false}]}"));
    let config = config(&fleet);
    assert!(config.upstream.tls.is_none() && config.listeners[0].tls.is_none());
    let secrets = pod(&fleet).volumes.unwrap().into_iter().filter_map(|volume| volume.secret?.secret_name);
    assert_eq!(secrets.collect::<Vec<_>>(), ["my-cluster-encryption-keys"]);
}

#[test]
fn certificates_that_the_user_gave_to_brokers_are_a_file_of_the_config_map() {
    let mut observed = observed();
    let listener = &mut kafka(&mut observed)["spec"]["kafka"]["listeners"][1];
    listener["configuration"] = serde_json::json!({"brokerCertChainAndKey": {
        "secretName": "own", "certificate": "tls.crt", "key": "tls.key",
    }});
    let fleet = fleet(&observed);
    let [proxy, brokers, policy, sources, ledger] = Default::default();
    let map = config_map(&fleet, &Files { proxy, brokers, policy, sources, ledger });
    assert!(map.data.unwrap()[UPSTREAM_CA_FILE].contains("BEGIN CERTIFICATE"));
    let text = proxy_yaml(&fleet)["upstream"]["tls"]["caFile"].to_string();
    assert!(text.contains(UPSTREAM_CA_FILE), "{text}");
}

#[test]
fn limits_and_logging_pass_through() {
    let limits = "{maxFrameBytes: 1048576, bufferBytes: 67108864, connections: 77}";
    let fleet = fleet(&with_proxy(&format!("{{limits: {limits}, logging: {{level: debug, format: text}}}}")));
    let config = config(&fleet);
    assert_eq!(config.limits.connections, 77);
    assert_eq!((config.limits.max_frame_bytes, config.limits.buffer_bytes), (1_048_576, 67_108_864));
    assert_eq!(proxy_yaml(&fleet)["log"], serde_json::json!({"level": "debug", "format": "text"}));
}

#[test]
fn a_proxy_drains_within_its_grace_period() {
    for (template, grace) in [("{}", 60), ("{template: {pod: {terminationGracePeriodSeconds: 15}}}", 15)] {
        let fleet = fleet(&with_proxy(template));
        assert_eq!(pod(&fleet).termination_grace_period_seconds, Some(grace));
        let stop = container(&fleet).lifecycle.unwrap().pre_stop.unwrap().sleep.unwrap();
        let left = grace - stop.seconds - i64::from(config(&fleet).drain.seconds);
        assert!(left >= 5, "{left} s left to exit");
    }
}

#[test]
fn a_load_balancer_is_served_once_it_has_an_address() {
    let settings = "{listeners: [{name: tls}, {name: outside, type: loadbalancer, port: 9300}]}";
    let mut observed = with_proxy(settings);
    assert_eq!(names(&fleet(&observed)), ["tls"]);
    observed.ours.services = vec![balancer("my-cluster-encryption-outside", None)];
    assert_eq!(names(&fleet(&observed)), ["tls"]);
    observed.ours.services = vec![balancer("my-cluster-encryption-outside", Some("lb.example.com"))];
    let fleet = fleet(&observed);
    assert_eq!(names(&fleet), ["tls", "outside"]);
    assert_eq!(config(&fleet).listeners[1].advertised_host.as_str(), "lb.example.com");
}

#[test]
fn the_users_address_of_a_load_balancer_needs_no_other() {
    let listener = "{name: outside, type: loadbalancer, advertisedHost: kafka.example.com}";
    let fleet = fleet(&with_proxy(&format!("{{listeners: [{listener}]}}")));
    assert_eq!(config(&fleet).listeners[0].advertised_host.as_str(), "kafka.example.com");
    assert_eq!(fleet.bootstrap_servers().as_deref(), Some("kafka.example.com:9092"));
}

#[test]
fn an_ipv6_address_stands_in_brackets_for_clients() {
    let listener = "{name: outside, type: loadbalancer, advertisedHost: '2001:db8::1'}";
    let fleet = fleet(&with_proxy(&format!("{{listeners: [{listener}]}}")));
    assert_eq!(fleet.bootstrap_servers().as_deref(), Some("[2001:db8::1]:9092"));
    assert_eq!(config(&fleet).listeners[0].advertised_host.as_str(), "2001:db8::1");
}
