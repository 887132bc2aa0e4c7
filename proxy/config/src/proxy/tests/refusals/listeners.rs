//! Names, addresses, ports and files.

use super::refusal;
use crate::proxy::tests::{MINIMAL, parse};

#[test]
fn refuses_mistaken_names_and_addresses() {
    let servers = |to: &str| refusal("[127.0.0.1:19092]", to);
    let host = |to: &str| refusal("advertisedHost: 127.0.0.1", &format!("advertisedHost: {to}"));
    let bind = |to: &str| refusal("bind: 127.0.0.1:29092", &format!("bind: {to}"));
    let cluster = |to: &str| refusal("my-cluster", to);
    for (found, expected) in [
        (cluster("''"), r#"cluster: must have 1 to 253 characters, not """#),
        (cluster(".."), r#"cluster: must not have an empty, '.' or '..' part between slashes, not "..""#),
        (cluster("[a]"), "cluster: must be text, not a list"),
        (
            servers("[a:1]\n  brokers: {0: 'a:1'}\n  brokersFile: b.yaml"),
            "upstream.brokersFile: must not be given beside brokers",
        ),
        (servers("[]"), "upstream.bootstrapServers: must have at least one entry"),
        (servers("a:1"), "upstream.bootstrapServers: must be a list, not text"),
        (servers("['a:0']"), r#"upstream.bootstrapServers[0]: must have a port from 1 to 65535, not "a:0""#),
        (
            servers("['a:+1']"),
            r#"upstream.bootstrapServers[0]: must have a port from 1 to 65535, not "a:+1""#,
        ),
        (
            servers("['::1:9092']"),
            r#"upstream.bootstrapServers[0]: must have an IPv6 address in brackets, such as [::1]:9092, not "::1:9092""#,
        ),
        (
            servers("['a b:1']"),
            r#"upstream.bootstrapServers[0]: must have a DNS name or an IP address as its host, not "a b:1""#,
        ),
        (
            servers("['a:1', 'b:1', 'a:1']"),
            "upstream.bootstrapServers[2]: is the same as an earlier entry, a:1",
        ),
        (host("'a:1'"), r#"listeners[0].advertisedHost: must be a DNS name or an IP address, not "a:1""#),
        (
            host("1.2.3.300"),
            r#"listeners[0].advertisedHost: must be a DNS name or an IP address, not "1.2.3.300""#,
        ),
        (host("'[::]'"), "listeners[0].advertisedHost: must be a host that clients can reach, not ::"),
        (bind("'[::]:9404'"), "listeners[0].bind: wants port 9404, which admin.bind has already"),
        (
            bind("127.0.0.1:0"),
            r#"listeners[0].bind: must be an IP address and a port from 1 to 65535, such as 0.0.0.0:9092 or [::]:9092, not "127.0.0.1:0""#,
        ),
        (refusal("name: plain", "name: ''"), r#"listeners[0].name: must have 1 to 63 characters, not """#),
        (refusal("    bind: 127.0.0.1:29092\n", ""), "listeners[0].bind: is required"),
    ] {
        assert_eq!(found, expected);
    }
}

/// Conformance: TE-02, TE-11.
#[test]
fn refuses_mistaken_ports_providers_and_files() {
    let ports = |to: &str| refusal("{start: 29100}", to);
    let provider = |to: &str| refusal("{local: {directory: keys/}}", to);
    let provider_name = |to: &str| refusal("default: {local", &format!("{to}: {{local"));
    let policy = |to: &str| refusal("{file: policy.yaml}", to);
    for (found, expected) in [
        (ports("{}"), "listeners[0].brokerPorts.start: is required"),
        (
            ports("{start: 1, count: 0}"),
            "listeners[0].brokerPorts.count: must be a whole number from 1 to 10000, not 0",
        ),
        (
            ports("{start: 1.5}"),
            "listeners[0].brokerPorts.start: must be a whole number from 1 to 65535, not a number",
        ),
        (
            ports("{start: 65536}"),
            "listeners[0].brokerPorts.start: must be a whole number from 1 to 65535, not 65536",
        ),
        (
            ports("{start: 65535, count: 2}"),
            "listeners[0].brokerPorts.start: must be at most 65534 for 2 ports to end by 65535, not 65535",
        ),
        (
            ports("{start: 29090}"),
            "listeners[0].brokerPorts: wants port 29092, which listeners[0].bind has already",
        ),
        (ports("{start: 9400}"), "listeners[0].brokerPorts: wants port 9404, which admin.bind has already"),
        (
            provider("{}"),
            "keyProviders.default: must have exactly one of local, vault, awsKms, azureKeyVault, gcpKms, ibmKeyProtect, pkcs11, kmip",
        ),
        (
            provider("{valut: {}}"),
            "keyProviders.default.valut: is not a known field; did you mean vault?
keyProviders.default: must have exactly one of local, vault, awsKms, azureKeyVault, gcpKms, ibmKeyProtect, pkcs11, kmip",
        ),
        (provider("{local: {directory: ''}}"), "keyProviders.default.local.directory: must be a path"),
        (provider("{local: {}}"), "keyProviders.default.local.directory: is required"),
        (
            provider_name("a b"),
            r#"keyProviders["a b"]: has a name that may only have letters, digits, '.', '_' and '-'"#,
        ),
        (
            provider_name("null"),
            "keyProviders: has nothing as a key, which must be text
keyProviders: must have at least one entry",
        ),
        // TE-02, TE-B11: the second of two is not taken for the first.
        (provider_name("a: {local: {directory: keys/}}\n  a"), "keyProviders.a: is given twice"),
        (policy("{}"), "policy.file: is required"),
        (policy("policy.yaml"), "policy: must be a mapping, not text"),
        (
            policy("{file: policy.yaml, stateFile: policy.yaml}"),
            "policy.stateFile: must not be the policy's own file",
        ),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn refuses_listeners_that_collide() {
    let second = "
  - name: plain
    bind: 0.0.0.0:29115
    advertisedHost: b
    brokerPorts: {start: 29110, count: 2}";
    let expected = "listeners[1]: has the same name as listeners[0], plain
listeners[1].bind: wants port 29115, which listeners[0].brokerPorts has already
listeners[1].brokerPorts: wants port 29110, which listeners[0].brokerPorts has already";
    assert_eq!(refusal("\nkeyProviders", &format!("{second}\nkeyProviders")), expected);

    let elsewhere = second.replace("name: plain", "name: other").replace("0.0.0.0", "127.0.0.2");
    parse(&MINIMAL.replacen("\nkeyProviders", &format!("{elsewhere}\nkeyProviders"), 1)).unwrap();
}
