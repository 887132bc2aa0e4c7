//! The exact words for what `proxy.yaml` may not say.

mod listeners;
mod transit;
mod upstream;

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

/// Conformance: TE-01.
#[test]
fn missing_fields_are_named() {
    let expected = ["cluster", "upstream", "listeners", "keyProviders", "policy"];
    assert_eq!(parse("{}").unwrap_err(), expected.map(|name| format!("{name}: is required")).join("\n"));
}

/// Conformance: TE-02, TE-07, TE-B11.
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
