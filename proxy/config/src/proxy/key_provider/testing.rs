//! What tests of providers share.

use std::path::Path;

use super::KeyProvider;
use crate::proxy::ProxyConfig;

/// The provider of this kind, which is written as it is read, or the mistakes without where the provider is.
pub(super) fn provider(kind: &str, provider: &str) -> Result<KeyProvider, String> {
    let text = format!(
        "
cluster: my-cluster
upstream: {{bootstrapServers: [127.0.0.1:19092]}}
listeners:
  - {{name: plain, bind: 127.0.0.1:29092, advertisedHost: 127.0.0.1, brokerPorts: {{start: 29100}}}}
keyProviders:
  default: {{{kind}: {provider}}}
policy: {{file: policy.yaml}}
"
    );
    let base = Path::new("/etc/proxy");
    let config = ProxyConfig::parse(&text, base)
        .map_err(|errors| errors.to_string().replace(&format!("keyProviders.default.{kind}"), ""))?;
    let written = config.to_yaml();
    assert_eq!(ProxyConfig::parse(&written, base).unwrap(), config, "{written}");
    Ok(config.key_providers["default"].clone())
}

/// Each text has exactly these mistakes, one in a line.
pub(super) fn refuses(kind: &str, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(provider(kind, text).unwrap_err(), *expected, "{text}");
    }
}
