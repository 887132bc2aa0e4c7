//! What `proxy.yaml` may say.

mod refusals;
mod server_tls;

use std::path::{Path, PathBuf};

use super::*;
use crate::address::{BrokerId, HostPort};

const MINIMAL: &str = "
cluster: my-cluster
upstream:
  bootstrapServers: [127.0.0.1:19092]
listeners:
  - name: plain
    bind: 127.0.0.1:29092
    advertisedHost: 127.0.0.1
    brokerPorts: {start: 29100}
keyProviders:
  default: {local: {directory: keys/}}
policy: {file: policy.yaml}
";

const FULL: &str = r#"
cluster: kafka/my-cluster
upstream:
  bootstrapServers: ["broker.example:9092", "[2001:db8::1]:9092"]
  brokers: {0: "b0:9092", "1": "[::1]:9093"}
  tls: {caFiles: [a.pem, /etc/b.pem]}
listeners:
  - name: plain
    bind: 127.0.0.1:29092
    advertisedHost: proxy.example
    brokerPorts: {start: 29100, count: 2}
  - name: tls
    bind: "[::1]:29092"
    advertisedHost: "[2001:db8::2]"
    brokerPorts: {start: 29200, count: 4}
    tls: {certificateFile: tls.crt, keyFile: tls.key, clientCaFile: ca.crt}
keyProviders:
  default: {local: {directory: keys/}}
  other: {local: {directory: /keys}}
  bao: {vault: {address: "https://[2001:db8::3]:8200", namespace: a/b, auth: {kubernetes: {role: r, tokenFile: token}}, tls: {caFile: ca}}}
  app: {vault: {address: https://bao, mount: a/b, binding: DerivedKey, auth: {appRole: {roleIdFile: r, secretIdFile: s}}}}
keys: {maxAge: 90s, outageGrace: 0s}
policy: {file: policy/policy.yaml, stateFile: /var/lib/state.yaml}
admin: {bind: 0.0.0.0:9404}
limits: {maxFrameBytes: 1048576, bufferBytes: 2097152, connections: 10, fetchMaxBytes: 1048576}
drain: {seconds: 0}
log: {format: json, level: debug}
"#;

fn parse(text: &str) -> Result<ProxyConfig, String> {
    ProxyConfig::parse(text, Path::new("/etc/proxy")).map_err(|errors| errors.to_string())
}

/// Conformance: TE-01.
#[test]
fn minimal_file_has_the_documented_defaults() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.cluster.as_str(), "my-cluster");
    assert_eq!(config.upstream.tls, None);
    assert!(config.upstream.brokers.is_empty());
    assert_eq!(config.listeners[0].broker_ports().unwrap().ports(), 29100..=29115);
    assert_eq!(config.policy.file.as_path(), Path::new("/etc/proxy/policy.yaml"));
    assert_eq!(config.policy.state_file.unwrap().as_path(), Path::new("/etc/proxy/policy.yaml.state"));
    assert_eq!(config.admin.bind, "127.0.0.1:9404".parse().unwrap());
    assert_eq!(config.limits.max_frame_bytes, 104_857_600);
    assert_eq!(config.limits.buffer_bytes, 268_435_456);
    assert_eq!(config.limits.connections, 2000);
    assert_eq!(config.limits.fetch_max_bytes, None);
    assert_eq!(config.drain.duration().as_secs(), 30);
    assert_eq!(config.log, Log { format: LogFormat::Text, level: LogLevel::Info });
}

#[test]
fn brokers_may_stand_in_a_file_of_their_own() {
    let text = MINIMAL.replace("upstream:\n", "upstream:\n  brokersFile: brokers.yaml\n");
    let config = parse(&text).unwrap();
    assert_eq!(
        config.upstream.brokers_file.as_ref().unwrap().as_path(),
        Path::new("/etc/proxy/brokers.yaml")
    );
    assert_eq!(config.broker_ports(), Some(16));
    assert_eq!(parse(&config.to_yaml()).unwrap(), config);
}

#[test]
fn authorities_of_brokers_may_stand_in_a_directory() {
    let text = MINIMAL.replace("upstream:\n", "upstream:\n  tls: {caDirectory: ca/}\n");
    let config = parse(&text).unwrap();
    let tls = config.upstream.tls.as_ref().unwrap();
    assert_eq!(tls.ca_directory.as_ref().unwrap().as_path(), Path::new("/etc/proxy/ca/"));
    assert!(tls.ca_files.is_empty());
    assert_eq!(parse(&config.to_yaml()).unwrap(), config);
}

#[test]
fn the_proxy_may_authenticate_as_itself() {
    let upstream = |authentication: &str| {
        let tls = "  tls: {caFile: ca.crt}\n";
        MINIMAL.replace("upstream:\n", &format!("upstream:\n{tls}  authentication: {{{authentication}}}\n"))
    };
    let tls = "tls: {certificateFile: user.crt, keyFile: user.key}, allowAnonymousClients: true";
    let scram = "scramSha512: {username: 'a=b, c', passwordFile: p}, allowAnonymousClients: true";
    for text in [tls, scram] {
        let config = parse(&upstream(text)).unwrap();
        assert!(config.upstream.authentication.as_ref().unwrap().allow_anonymous_clients);
        assert_eq!(parse(&config.to_yaml()).unwrap(), config, "{}", config.to_yaml());
    }
    let listener = |authorities: &str| {
        let listener = format!(
            "brokerPorts: {{start: 29100}}\n    tls: {{certificateFile: a, keyFile: b, {authorities}}}"
        );
        let text = upstream(&scram.replace("true", "false"));
        parse(&text.replace("brokerPorts: {start: 29100}", &listener)).unwrap()
    };
    let config = listener("clientCaDirectory: c/");
    assert!(config.listeners[0].tls.as_ref().unwrap().demands_certificates());
    assert_eq!(parse(&config.to_yaml()).unwrap(), config, "{}", config.to_yaml());
    let authentication = listener("clientCaFile: c").upstream.authentication.unwrap();
    assert!(!authentication.allow_anonymous_clients);
    let AuthenticationMethod::ScramSha512(user) = authentication.method else { panic!("{authentication:?}") };
    assert_eq!(user.username.as_str(), "a=b, c");
    assert_eq!(user.password_file.as_path(), Path::new("/etc/proxy/p"));
}

#[test]
fn brokers_may_have_names_instead_of_ports() {
    let names = |more: &str| {
        let text = MINIMAL.replace("127.0.0.1\n    brokerPorts", "Kafka.example.com\n    brokerPorts");
        let tls = "tls: {certificateFile: a, keyFile: b}";
        text.replace("brokerPorts: {start: 29100}", &format!("brokerNames: {{{more}}}\n    {tls}"))
    };
    let config = parse(&names("pattern: 'B-{id}.example.com', advertisedPort: 443")).unwrap();
    assert_eq!((config.listeners[0].broker_ports(), config.broker_ports()), (None, None));
    assert_eq!(parse(&config.to_yaml()).unwrap(), config, "{}", config.to_yaml());

    let mistake = |text: &str| {
        let errors = ProxyConfig::parse(text, Path::new("/etc/proxy")).unwrap_err();
        let [mistake] = errors.mistakes() else { panic!("{errors}") };
        format!("{} {}", mistake.path(), mistake.problem())
    };
    let good = names("pattern: 'b-{id}.example.com'");
    let path = "listeners[0].brokerNames";
    let once = r#"must have {id} once, not "b.example.com""#;
    assert_eq!(mistake(&names("pattern: b.example.com")), format!("{path}.pattern {once}"));
    let both = good.replace("brokerNames:", "brokerPorts: {start: 29100}\n    brokerNames:");
    assert_eq!(mistake(&both), format!("{path} must not be given beside brokerPorts"));
    let clear = good.replace("tls: {certificateFile: a, keyFile: b}", "");
    let needs = "needs tls, since clients send the name in the TLS handshake";
    assert_eq!(mistake(&clear), format!("{path} {needs}"));
    let address = good.replace("Kafka.example.com", "192.0.2.1");
    let needs = "needs a DNS name as advertisedHost, not the address 192.0.2.1";
    assert_eq!(mistake(&address), format!("{path} {needs}"));
    let same = good.replace("Kafka.example.com", "B-7.example.com");
    let not = "must not have advertisedHost, B-7.example.com, as the name of a broker";
    assert_eq!(mistake(&same), format!("{path} {not}"));
}

#[test]
fn full_file_is_read_completely() {
    let config = parse(FULL).unwrap();
    assert_eq!(config.upstream.bootstrap_servers[1], "[2001:db8::1]:9092".parse::<HostPort>().unwrap());
    assert_eq!(config.upstream.brokers[&BrokerId::new(1).unwrap()].to_string(), "[::1]:9093");
    let files: Vec<_> =
        config.upstream.tls.unwrap().ca_files.iter().map(|file| file.as_path().to_owned()).collect();
    assert_eq!(files, [PathBuf::from("/etc/proxy/a.pem"), PathBuf::from("/etc/b.pem")]);
    let listener = &config.listeners[1];
    assert_eq!(listener.advertised_host.as_str(), "2001:db8::2");
    assert_eq!(listener.tls.as_ref().unwrap().key_file.as_path(), Path::new("/etc/proxy/tls.key"));
    assert_eq!(listener.tls.as_ref().unwrap().client_ca_file.as_ref().unwrap().written(), "ca.crt");
    let KeyProvider::Local { directory } = &config.key_providers["default"] else { panic!("it is local") };
    assert_eq!(directory.as_path(), Path::new("/etc/proxy/keys/"));
    assert_eq!(config.policy.state_file.unwrap().as_path(), Path::new("/var/lib/state.yaml"));
    assert_eq!(config.limits.fetch_max_bytes, Some(1 << 20));
    assert_eq!(config.drain.seconds, 0);
    assert_eq!(config.log, Log { format: LogFormat::Json, level: LogLevel::Debug });
}

#[test]
fn an_external_ledger_needs_no_state_file() {
    let external = |ledger: &str| {
        let (head, rest) = FULL.split_once("policy: {").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        parse(&format!("{head}policy: {{file: policy.yaml, {ledger}}}\n{rest}"))
    };
    assert_eq!(external("ledger: external").unwrap().policy.state_file, None);
    assert!(external("ledger: own").unwrap().policy.state_file.is_some());
    let error = external("ledger: external, stateFile: a").unwrap_err();
    assert_eq!(error, "policy.stateFile: must not be given with an external ledger");
    assert!(external("ledger: none").unwrap_err().starts_with("policy.ledger: "));
    let settles = |text| external(text).map(|config| config.policy.history_settles.to_string());
    assert_eq!(settles("ledger: external").unwrap(), "1m");
    assert_eq!(settles("historySettles: 5s").unwrap(), "5s");
    assert!(settles("historySettles: 0s").unwrap_err().starts_with("policy.historySettles: "));
}

#[test]
fn written_text_means_the_same() {
    let external = FULL.replace(", stateFile: /var/lib/state.yaml", ", ledger: external");
    for text in [MINIMAL, FULL, &external] {
        let config = parse(text).unwrap();
        assert_eq!(parse(&config.to_yaml()).unwrap(), config, "{}", config.to_yaml());
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(parse(&json).unwrap(), config, "{json}");
    }
}

#[test]
fn one_ca_file_is_a_list_of_one() {
    let with_tls = |tls: &str| MINIMAL.replacen("upstream:", &format!("upstream:\n  tls: {tls}"), 1);
    assert_eq!(parse(&with_tls("{caFile: a}")).unwrap(), parse(&with_tls("{caFiles: [a]}")).unwrap());
}

#[test]
fn broker_ports_map_both_ways() {
    let ports = BrokerPorts::new(65_530, 6).unwrap();
    let broker = |id| BrokerId::new(id).unwrap();
    assert_eq!(ports.port(broker(5)), Some(65_535));
    assert_eq!(ports.port(broker(6)), None);
    assert_eq!(ports.port(broker(i32::MAX)), None);
    assert_eq!(ports.broker(65_535), Some(broker(5)));
    assert_eq!(ports.broker(65_529), None);
    assert_eq!(BrokerPorts::new(65_530, 7), None);
    assert_eq!(BrokerPorts::new(0, 1), None);
    assert_eq!(BrokerPorts::new(1, 0), None);
}

#[test]
fn errors_of_a_loaded_file_name_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("proxy.yaml");
    let missing = ProxyConfig::load(&path).unwrap_err();
    assert!(missing.to_string().starts_with(&format!("{}: cannot be read: ", path.display())), "{missing}");
    std::fs::write(&path, MINIMAL.replacen("cluster:", "clutser:", 1)).unwrap();
    let errors = ProxyConfig::load(&path).unwrap_err();
    assert_eq!(errors.file(), Some(path.as_path()));
    assert_eq!(errors.mistakes().len(), 2);
    assert_eq!(errors.mistakes()[1].path(), "cluster");
    assert_eq!(errors.mistakes()[1].problem(), "is required");
    std::fs::write(&path, MINIMAL).unwrap();
    let config = ProxyConfig::load(&path).unwrap();
    assert_eq!(config.policy.file.as_path(), directory.path().join("policy.yaml"));
    std::fs::write(&path, b"\xff").unwrap();
    let errors = ProxyConfig::load(&path).unwrap_err();
    assert_eq!(errors.to_string(), format!("{}: is not UTF-8 text (at byte 0)", path.display()));
}
