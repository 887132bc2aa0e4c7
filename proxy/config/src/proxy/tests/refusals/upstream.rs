//! Brokers, and how the proxy comes to them.

use super::refusal;

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
