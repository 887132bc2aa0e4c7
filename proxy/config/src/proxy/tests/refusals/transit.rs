//! Transit engines.

use super::{refusal, refusal_with};

/// Conformance: P17-26, TE-09.
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
