//! Key management systems: what proxies are told of them, the files that they find, and the ways that are open.

mod azure;
mod gcp;
mod ibm;

use std::collections::BTreeSet;
use std::path::Path;

use k8s_openapi::api::core::v1::VolumeProjection;
use proxy_config::{AwsKmsCredentials, KeyProvider, Pkcs11Token, ProxyConfig};
use serde_json::{Value, json};

use super::pod;
use crate::controller::build::{network_policy, proxy_yaml, service_account};
use crate::controller::fixtures::{fleet, settings, with_proxy};
use crate::fleet::Fleet;

/// A fleet whose only provider, `kms`, is this one.
fn with(provider: &str) -> Fleet {
    fleet(&with_proxy(&format!("{{keyProviders: [{{name: kms, {provider}}}]}}")))
}

/// The provider as proxies read it. Every file that they are told of is there, and none besides.
fn told(fleet: &Fleet) -> KeyProvider {
    let settings = proxy_yaml(fleet);
    let mut named = BTreeSet::new();
    paths(&settings["keyProviders"]["kms"], &mut named);
    assert_eq!(named, mounted(fleet));
    let text = serde_yaml::to_string(&settings).unwrap();
    let config = ProxyConfig::parse(&text, Path::new("/etc/topic-encryption")).unwrap();
    config.key_providers.into_values().next().unwrap()
}

fn paths(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.extend(text.strip_prefix("/etc/topic-encryption-keys/kms/").map(str::to_owned));
        }
        Value::Object(fields) => fields.values().for_each(|value| paths(value, found)),
        _ => {}
    }
}

fn sources(fleet: &Fleet) -> Vec<VolumeProjection> {
    let projected = pod(fleet).volumes.unwrap().into_iter().find_map(|volume| volume.projected);
    projected.map(|projected| projected.sources.unwrap()).unwrap_or_default()
}

fn mounted(fleet: &Fleet) -> BTreeSet<String> {
    let paths = |source: VolumeProjection| {
        let token = source.service_account_token.map(|token| token.path);
        let items =
            [source.config_map.and_then(|map| map.items), source.secret.and_then(|secret| secret.items)];
        token
            .into_iter()
            .chain(items.into_iter().flatten().flatten().map(|item| item.path))
            .collect::<Vec<_>>()
    };
    sources(fleet).into_iter().flat_map(paths).collect()
}

/// The rules of the network policy that are neither for brokers nor for DNS.
fn ways(fleet: &Fleet) -> Value {
    json!(network_policy(fleet, &settings(&[])).spec.unwrap().egress.unwrap()[2..])
}

#[test]
fn by_default_the_platform_says_who_a_proxy_is_for_aws() {
    let fleet = with("awsKms: {region: eu-central-1}");
    let KeyProvider::AwsKms(aws) = told(&fleet) else { panic!("it is AWS KMS") };
    assert_eq!((aws.region.as_str(), aws.credentials), ("eu-central-1", AwsKmsCredentials::Default));
    assert!(sources(&fleet).is_empty(), "no volume is mounted without files");
    assert_eq!(
        ways(&fleet),
        json!([
            {"ports": [{"protocol": "TCP", "port": 443}]},
            {
                "to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}, {"ipBlock": {"cidr": "fd00:ec2::23/128"}}],
                "ports": [{"protocol": "TCP", "port": 80}],
            },
        ])
    );
    // What the webhook of EKS goes by.
    let annotated = fleet_with_annotation();
    let annotations = service_account(&annotated).metadata.annotations.unwrap();
    assert_eq!(annotations["eks.amazonaws.com/role-arn"], "arn:aws:iam::111122223333:role/proxy");
}

fn fleet_with_annotation() -> Fleet {
    let annotation = "eks.amazonaws.com/role-arn: 'arn:aws:iam::111122223333:role/proxy'";
    fleet(&with_proxy(&format!(
        "{{keyProviders: [{{name: kms, awsKms: {{region: eu-west-1}}}}],
           template: {{serviceAccount: {{metadata: {{annotations: {{{annotation}}}}}}}}}}}"
    )))
}

#[test]
fn a_role_for_the_service_account_needs_no_webhook() {
    let fleet = with(
        "awsKms: {
            region: eu-central-1, endpoint: 'https://vpce-1.example:8443',
            credentials: {webIdentity: {roleArn: 'arn:aws:iam::111122223333:role/proxy'}},
            assumeRole: {
                roleArn: 'arn:aws:iam::999999999999:role/keys', externalId: team-a, stsEndpoint: 'https://sts.example:9443'
            },
            tls: {caConfigMapRef: {name: ca}},
            networkPolicyPeers: [{ipBlock: {cidr: 192.0.2.0/24}}],
        }",
    );
    let KeyProvider::AwsKms(aws) = told(&fleet) else { panic!("it is AWS KMS") };
    let AwsKmsCredentials::WebIdentity(identity) = aws.credentials else { panic!("it is a web identity") };
    assert_eq!(identity.role_arn, "arn:aws:iam::111122223333:role/proxy");
    let role = aws.assume_role.unwrap();
    assert_eq!((role.external_id.as_deref(), role.role_arn.contains("9999")), (Some("team-a"), true));
    assert_eq!(aws.endpoint.as_deref(), Some("https://vpce-1.example:8443"));
    let token = sources(&fleet).into_iter().find_map(|source| source.service_account_token).unwrap();
    assert_eq!(token.audience.as_deref(), Some("sts.amazonaws.com"));
    let ports = json!([443, 8443, 9443].map(|port| json!({"protocol": "TCP", "port": port})));
    assert_eq!(ways(&fleet), json!([{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": ports}]));
}

/// Conformance: TE-09.
#[test]
fn an_access_key_is_in_files_and_the_role_of_the_node_is_only_on_demand() {
    for (given, has_token) in [("", false), (", sessionToken: true", true)] {
        let fleet = with(&format!(
            "awsKms: {{region: us-gov-west-1, fips: true, credentials: {{accessKey: {{secretRef: {{name: aws}}{given}}}}}}}"
        ));
        let KeyProvider::AwsKms(aws) = told(&fleet) else { panic!("it is AWS KMS") };
        let AwsKmsCredentials::Files { session_token_file, .. } = aws.credentials else { panic!("in files") };
        assert_eq!((aws.fips, session_token_file.is_some()), (true, has_token));
        assert_eq!(ways(&fleet).as_array().unwrap().len(), 1, "neither agent nor metadata");
    }
    let fleet = with("awsKms: {region: eu-central-1, credentials: {instance: {}}}");
    let KeyProvider::AwsKms(aws) = told(&fleet) else { panic!("it is AWS KMS") };
    assert_eq!(aws.credentials, AwsKmsCredentials::Default);
    assert_eq!(ways(&fleet)[1]["to"][0]["ipBlock"]["cidr"], "169.254.169.254/32");
}

#[test]
fn a_token_of_a_hardware_module_goes_by_label_or_slot_with_a_pin_from_a_secret() {
    for (given, expected) in [
        ("tokenLabel: payments", Pkcs11Token::Label("payments".to_owned())),
        ("slot: 7", Pkcs11Token::Slot(7)),
    ] {
        let fleet =
            with(&format!("pkcs11: {{module: /mnt/hsm/lib.so, {given}, pinSecretRef: {{name: hsm}}}}"));
        let KeyProvider::Pkcs11(pkcs11) = told(&fleet) else { panic!("it is PKCS#11") };
        assert_eq!(pkcs11.token, expected);
        assert_eq!(pkcs11.pin_file.to_string(), "/etc/topic-encryption-keys/kms/pin");
        assert_eq!(ways(&fleet), json!([]), "a library has no connection unless it is said");
    }
    let fleet = with(
        "pkcs11: {
            module: /mnt/hsm/lib.so, slot: 0, pinSecretRef: {name: hsm},
            networkPolicyPorts: [1792, 9004], networkPolicyPeers: [{ipBlock: {cidr: 198.51.100.7/32}}],
        }",
    );
    let ports = json!([1792, 9004].map(|port| json!({"protocol": "TCP", "port": port})));
    assert_eq!(ways(&fleet), json!([{"to": [{"ipBlock": {"cidr": "198.51.100.7/32"}}], "ports": ports}]));
}

#[test]
fn a_kmip_server_knows_proxies_by_a_certificate() {
    for (given, fetch_keys) in [("", false), ("fetchKeys: true,", true)] {
        let fleet = with(&format!(
            "kmip: {{
                address: 'kmip.example:5696', {given} tls: {{caSecretRef: {{name: ca}}, clientSecretRef: {{name: client}}}},
                networkPolicyPeers: [{{ipBlock: {{cidr: 198.51.100.8/32}}}}],
            }}"
        ));
        let KeyProvider::Kmip(kmip) = told(&fleet) else { panic!("it is KMIP") };
        assert_eq!((kmip.address.to_string().as_str(), kmip.fetch_keys), ("kmip.example:5696", fetch_keys));
        assert_eq!(mounted(&fleet), ["ca.crt", "tls.crt", "tls.key"].map(str::to_owned).into());
        let ports = json!([{"protocol": "TCP", "port": 5696}]);
        assert_eq!(ways(&fleet), json!([{"to": [{"ipBlock": {"cidr": "198.51.100.8/32"}}], "ports": ports}]));
    }
}
