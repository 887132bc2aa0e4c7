//! IBM Key Protect.

use proxy_config::IbmCredentials;

use super::*;

#[test]
fn a_trusted_profile_takes_a_token_that_is_for_iam_alone() {
    let fleet = with(
        "ibmKeyProtect: {
            endpoint: 'https://private.eu-de.kms.cloud.ibm.com', instanceId: i-1, keyRing: kafka,
            iamEndpoint: 'https://private.iam.example:9443',
            credentials: {trustedProfile: {profileId: Profile-1}},
            tls: {caConfigMapRef: {name: ca}},
            networkPolicyPeers: [{ipBlock: {cidr: 166.8.0.0/14}}],
        }",
    );
    let KeyProvider::IbmKeyProtect(ibm) = told(&fleet) else { panic!("it is Key Protect") };
    assert_eq!((ibm.instance_id.as_str(), ibm.key_ring.as_deref()), ("i-1", Some("kafka")));
    assert_eq!(ibm.iam_endpoint, "https://private.iam.example:9443");
    let IbmCredentials::TrustedProfile(profile) = ibm.credentials else { panic!("it is a profile") };
    assert_eq!(profile.profile_id, "Profile-1");
    let token = sources(&fleet).into_iter().find_map(|source| source.service_account_token).unwrap();
    assert_eq!(token.audience.as_deref(), Some("iam"));
    let ports = json!([443, 9443].map(|port| json!({"protocol": "TCP", "port": port})));
    assert_eq!(ways(&fleet), json!([{"to": [{"ipBlock": {"cidr": "166.8.0.0/14"}}], "ports": ports}]));
}

#[test]
fn an_api_key_is_a_file() {
    let fleet = with(
        "ibmKeyProtect: {
            endpoint: 'https://eu-de.kms.cloud.ibm.com', instanceId: i-1,
            credentials: {apiKey: {secretRef: {name: ibm}}},
        }",
    );
    let KeyProvider::IbmKeyProtect(ibm) = told(&fleet) else { panic!("it is Key Protect") };
    let IbmCredentials::ApiKeyFile(file) = ibm.credentials else { panic!("it is a file") };
    assert_eq!(file.to_string(), "/etc/topic-encryption-keys/kms/api-key");
    assert_eq!(ways(&fleet), json!([{"ports": [{"protocol": "TCP", "port": 443}]}]));
}
