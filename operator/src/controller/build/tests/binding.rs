//! What applications are told by the Secret in service-binding form.

use std::collections::BTreeMap;

use serde_json::json;

use crate::controller::build::binding_secret;
use crate::controller::fixtures::{fleet, with_proxy};

fn entries(settings: &str) -> BTreeMap<String, String> {
    let secret = binding_secret(&fleet(&with_proxy(settings)), Some("PEM")).unwrap();
    assert_eq!(secret.type_.as_deref(), Some("servicebinding.io/kafka"));
    assert_eq!(secret.string_data, None, "an apply takes none of its entries away again");
    let text = |data: Vec<u8>| String::from_utf8(data).unwrap();
    secret.data.unwrap().into_iter().map(|(name, data)| (name, text(data.0))).collect()
}

#[test]
fn clients_whose_certificates_end_at_the_proxies_use_no_sasl_even_where_the_proxies_do() {
    let own = "{listenerName: tls, authentication: {kafkaUserRef: {name: proxies}},
                listeners: [{name: mtls, authentication: {type: tls}}]}";
    let mut observed = with_proxy(own);
    let user = &mut observed.strimzi.as_mut().unwrap().users[0].data;
    user["spec"]["authentication"] = json!({"type": "scram-sha-512"});
    user["status"]["username"] = json!("proxies");
    let secret = binding_secret(&fleet(&observed), Some("PEM")).unwrap().data.unwrap();
    assert_eq!(secret["security.protocol"].0, b"SSL");
    assert!(!secret.contains_key("sasl.mechanism"), "{:?}", secret.keys());
}

#[test]
fn clients_whose_sasl_passes_through_use_it_whether_or_not_they_show_a_certificate_too() {
    for listeners in ["[{name: tls}]", "[{name: tls, authentication: {type: tls}}]"] {
        let entries = entries(&format!("{{listenerName: tls, listeners: {listeners}}}"));
        assert_eq!(entries["security.protocol"], "SASL_SSL", "{listeners}");
        assert_eq!(entries["sasl.mechanism"], "SCRAM-SHA-512");
        assert_eq!(entries["ssl.truststore.crt"], "PEM");
    }
}
