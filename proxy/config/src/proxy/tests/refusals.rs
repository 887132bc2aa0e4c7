//! The exact words for what `proxy.yaml` may not say.

use super::{MINIMAL, parse};

/// What is said about the minimal file with `from` replaced, which must occur.
fn refusal(from: &str, to: &str) -> String {
    assert!(MINIMAL.contains(from), "{from} is not in the file");
    parse(&MINIMAL.replacen(from, to, 1)).unwrap_err()
}

/// What is said about the minimal file with something added.
fn refusal_with(addition: &str) -> String {
    parse(&format!("{MINIMAL}{addition}\n")).unwrap_err()
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = "
cluster: a b
upstream: {bootstrapServers: [localhost], tls: {}}
listeners:
  - name: plain
    bind: localhost:29092
    brokerPorts: {start: 65530}
  - name: 7
    bind: 127.0.0.1:9404
    advertisedHost: 0.0.0.0
    brokerPorts: {start: 0, cuont: 2}
keyProviders: {}
limits: {maxFrameBytes: lots}
";
    let expected = r#"cluster: may only have letters, digits, '.', '_', '-' and '/', not "a b"
upstream.bootstrapServers[0]: must be host:port, not "localhost"
upstream.tls: must have exactly one of caFile, caFiles, caDirectory
listeners[0].bind: must be an IP address and a port from 1 to 65535, such as 0.0.0.0:9092 or [::]:9092, not "localhost:29092"
listeners[0].advertisedHost: is required
listeners[0].brokerPorts.start: must be at most 65520 for 16 ports to end by 65535, not 65530
listeners[1].name: must be text, not a number: put it in quotes
listeners[1].advertisedHost: must be a host that clients can reach, not 0.0.0.0
listeners[1].brokerPorts.cuont: is not a known field; did you mean count?
listeners[1].brokerPorts.start: must be a whole number from 1 to 65535, not 0
keyProviders: must have at least one entry
policy: is required
limits.maxFrameBytes: must be a whole number from 65536 to 2147483647, not "lots""#;
    assert_eq!(parse(text).unwrap_err(), expected);
}

#[test]
fn missing_fields_are_named() {
    let expected = ["cluster", "upstream", "listeners", "keyProviders", "policy"];
    assert_eq!(parse("{}").unwrap_err(), expected.map(|name| format!("{name}: is required")).join("\n"));
}

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
fn refuses_added_fields() {
    for (addition, expected) in [
        ("admni: {}", "admni: is not a known field; did you mean admin?"),
        ("cluster: b", "cluster: is given twice"),
        ("admin: {bind: 127.0.0.1:1, bind: 127.0.0.1:2}", "admin.bind: is given twice"),
        ("admin:", "admin: must be a mapping, not nothing"),
        (
            "<<: {a: b}",
            r#"["<<"]: is not a known field; known are cluster, upstream, listeners, keyProviders, keys, policy, admin, limits, drain, log"#,
        ),
        ("limits: {connections: 0}", "limits.connections: must be a whole number from 1 to 1000000, not 0"),
        (
            "limits: {maxFrameBytes: 99999999999999999999999}",
            "limits.maxFrameBytes: must be a whole number from 65536 to 2147483647, not a number",
        ),
        (
            "limits: {bufferBytes: 1048576}",
            "limits.bufferBytes: must leave bufferBytes (1048576) no smaller than maxFrameBytes (104857600)",
        ),
        (
            "limits: {maxFrameBytes: 536870912}",
            "limits.maxFrameBytes: must leave bufferBytes (268435456) no smaller than maxFrameBytes (536870912)",
        ),
        (
            "limits: {fetchMaxBytes: 104857601}",
            "limits.fetchMaxBytes: must be at most maxFrameBytes (104857600), not 104857601",
        ),
        ("drain: {seconds: -1}", "drain.seconds: must be a whole number from 0 to 3600, not -1"),
        ("drain: {seconds: '5'}", r#"drain.seconds: must be a whole number from 0 to 3600, not "5""#),
        ("log: {format: xml}", r#"log.format: must be text or json, not "xml""#),
        ("log: {level: loud}", r#"log.level: must be error or warn or info or debug or trace, not "loud""#),
        ("log: {level: !x y}", "is not valid YAML: log.level: tags are not supported at line 13 column 14"),
    ] {
        assert_eq!(refusal_with(addition), expected, "{addition}");
    }
}

#[test]
fn refuses_mistaken_brokers_and_tls() {
    let upstream = |addition: &str| refusal("upstream:", &format!("upstream:\n  {addition}"));
    for (addition, expected) in [
        (
            "brokers: {-1: 'a:1'}",
            "upstream.brokers.-1: must have a broker id as its key, from 0 to 2147483647",
        ),
        (
            "brokers: {'01': 'a:1'}",
            "upstream.brokers.01: must have a broker id as its key, from 0 to 2147483647",
        ),
        ("brokers: {1: 'a:1', '1': 'b:1'}", "upstream.brokers.1: is given twice"),
        ("brokers: {1: a}", r#"upstream.brokers.1: must be host:port, not "a""#),
        (
            "brokers: {1: 'a:1', 16: 'b:1'}",
            "listeners[0].brokerPorts: has no port for broker 16 of upstream.brokers, only for 0 to 15",
        ),
        // Present but empty must not mean clear text.
        ("tls:", "upstream.tls: must be a mapping, not nothing"),
        (
            "tls: {caFile: a, caFiles: [b]}",
            "upstream.tls: must have exactly one of caFile, caFiles, caDirectory",
        ),
        ("tls: {caFiles: []}", "upstream.tls.caFiles: must have at least one entry"),
    ] {
        assert_eq!(upstream(addition), expected, "{addition}");
    }
    let listener = |addition: &str| refusal("    bind", &format!("    {addition}\n    bind"));
    assert_eq!(
        listener("tls: {clientCaFile: a}"),
        "listeners[0].tls.certificateFile: is required\nlisteners[0].tls.keyFile: is required"
    );
    assert_eq!(
        listener("tls: {certificateFile: a, keyFile: b, clientCaFile: c, clientCaDirectory: d}"),
        "listeners[0].tls.clientCaDirectory: must not be given beside clientCaFile"
    );
    assert_eq!(listener("tls:"), "listeners[0].tls: must be a mapping, not nothing");
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

#[test]
fn refuses_mistaken_authentication() {
    let with = |authentication: &str| {
        refusal("upstream:\n", &format!("upstream:\n  authentication: {authentication}\n"))
    };
    let scram = "scramSha512: {username: u, passwordFile: p}";
    let tls = "tls: {certificateFile: c, keyFile: k}";
    let one = "upstream.authentication: must have exactly one of tls, scramSha512";
    for (authentication, expected) in [
        ("{}".to_owned(), one),
        (format!("{{{scram}, {tls}}}"), one),
        (
            "{scramSha256: {}}".to_owned(),
            "upstream.authentication.scramSha256: is not a known field; known are tls, scramSha512, allowAnonymousClients\nupstream.authentication: must have exactly one of tls, scramSha512",
        ),
        (
            "{scramSha512: {username: ''}}".to_owned(),
            "upstream.authentication.scramSha512.username: must have 1 to 255 characters, not \"\"\nupstream.authentication.scramSha512.passwordFile: is required",
        ),
        (
            r#"{scramSha512: {username: "a\tb", passwordFile: p}, allowAnonymousClients: "true"}"#.to_owned(),
            "upstream.authentication.scramSha512.username: must not have control characters, not \"a\\tb\"\nupstream.authentication.allowAnonymousClients: must be true or false, not text",
        ),
        (
            format!("{{{tls}, allowAnonymousClients: true}}"),
            "upstream.authentication: must have scramSha512, since without upstream.tls no certificate is shown",
        ),
        (
            format!("{{{scram}}}"),
            "listeners[0].tls.clientCaFile: or clientCaDirectory is required, since clients act as the proxy with upstream.authentication (unless that says allowAnonymousClients: true)",
        ),
    ] {
        assert_eq!(with(&authentication), expected, "{authentication}");
    }
}

#[test]
fn refuses_mistaken_transit_engines() {
    let vault = |fields: &str| refusal("{local: {directory: keys/}}", &format!("{{vault: {{{fields}}}}}"));
    let auth = "auth: {tokenFile: token}";
    let at = "keyProviders.default.vault";
    for (fields, expected) in [
        (String::new(), format!("{at}.address: is required\n{at}.auth: is required")),
        (
            format!("address: 'http://bao.example:8200', {auth}"),
            format!(
                "{at}.address: must be https://HOST or https://HOST:PORT (http:// for 127.0.0.1, [::1] and localhost only), \
                 not \"http://bao.example:8200\""
            ),
        ),
        (
            format!("address: 'http://localhost:8200', {auth}, tls: {{caFile: a}}"),
            format!("{at}.tls: must be left out with an address without TLS"),
        ),
        (
            format!("address: 'https://bao:8200', {auth}, mount: ../sys"),
            format!(
                "{at}.mount: must be a path of letters, digits, '-', '_' and '.', such as transit, not \"../sys\""
            ),
        ),
        (
            "address: 'https://bao:8200', auth: {kubernetes: {tokenFile: a}, tokenFile: b}".to_owned(),
            format!("{at}.auth: must have exactly one of kubernetes, jwt, appRole, tokenFile"),
        ),
        (
            "address: 'https://bao:8200', auth: {kubernetes: {tokenFile: a}}".to_owned(),
            format!("{at}.auth.kubernetes.role: is required"),
        ),
        (
            format!("address: 'https://bao:8200', {auth}, tls: {{certificateFile: a}}"),
            format!("{at}.tls: must have certificateFile and keyFile together"),
        ),
    ] {
        assert_eq!(vault(&fields), expected, "{fields}");
    }
}

#[test]
fn refuses_mistaken_times_of_keys() {
    let span = |name: &str, from: &str, text: &str| {
        format!("keys.{name}: must be a time from {from} to 24h, such as 90s, 10m or 1h, not \"{text}\"")
    };
    for (fields, expected) in [
        ("{maxAge: 59s}", span("maxAge", "1m", "59s")),
        ("{revocationDelay: 29s}", span("revocationDelay", "30s", "29s")),
        ("{outageGrace: 25h}", span("outageGrace", "0s", "25h")),
        ("{unreadableDelay: 25h}", span("unreadableDelay", "0s", "25h")),
        (
            "{maxCallsPerSecond: 0}",
            "keys.maxCallsPerSecond: must be a whole number from 1 to 10000, not 0".to_owned(),
        ),
    ] {
        assert_eq!(refusal_with(&format!("keys: {fields}")), expected, "{fields}");
    }
}
