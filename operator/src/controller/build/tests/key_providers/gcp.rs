//! Google Cloud KMS.

use proxy_config::GcpKmsCredentials;

use super::*;

const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x";

#[test]
fn by_default_the_platform_says_who_a_proxy_is_for_google() {
    let fleet = with("gcpKms: {keyRing: projects/p/locations/europe-west3/keyRings/kafka}");
    let KeyProvider::GcpKms(gcp) = told(&fleet) else { panic!("it is Cloud KMS") };
    assert_eq!(gcp.key_ring, "projects/p/locations/europe-west3/keyRings/kafka");
    assert_eq!(gcp.credentials, GcpKmsCredentials::Metadata);
    assert!(sources(&fleet).is_empty(), "no volume is mounted without files");
    assert_eq!(
        ways(&fleet),
        json!([
            {"ports": [{"protocol": "TCP", "port": 443}]},
            {"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}], "ports": [{"protocol": "TCP", "port": 80}]},
            {"to": [{"ipBlock": {"cidr": "169.254.169.252/32"}}], "ports": [{"protocol": "TCP", "port": 988}]},
        ])
    );
}

#[test]
fn a_pool_takes_a_token_that_is_for_it_alone() {
    let fleet = with(&format!(
        "gcpKms: {{
            keyRing: projects/p/locations/l/keyRings/r,
            endpoint: 'https://kms.example:8443',
            credentials: {{workloadIdentity: {{
                audience: '{AUDIENCE}', serviceAccount: proxy@p.iam.gserviceaccount.com,
                stsEndpoint: 'https://sts.example:9443', iamCredentialsEndpoint: 'https://iam.example:7443',
            }}}},
            tls: {{caSecretRef: {{name: ca}}}},
            networkPolicyPeers: [{{ipBlock: {{cidr: 199.36.153.8/30}}}}],
        }}"
    ));
    let KeyProvider::GcpKms(gcp) = told(&fleet) else { panic!("it is Cloud KMS") };
    let GcpKmsCredentials::WorkloadIdentity(identity) = gcp.credentials else { panic!("it is a pool") };
    assert_eq!((identity.audience.as_str(), gcp.endpoint.as_str()), (AUDIENCE, "https://kms.example:8443"));
    assert_eq!(identity.service_account.as_deref(), Some("proxy@p.iam.gserviceaccount.com"));
    let audience = || sources(&fleet).into_iter().find_map(|source| source.service_account_token?.audience);
    assert_eq!(audience(), Some(format!("https:{AUDIENCE}")));
    let ports = json!([7443, 8443, 9443].map(|port| json!({"protocol": "TCP", "port": port})));
    assert_eq!(ways(&fleet), json!([{"to": [{"ipBlock": {"cidr": "199.36.153.8/30"}}], "ports": ports}]));

    let identity = format!("{{audience: '{AUDIENCE}', tokenAudience: team-a}}");
    let fleet = with(&format!(
        "gcpKms: {{keyRing: projects/p/locations/l/keyRings/r, credentials: {{workloadIdentity: {identity}}}}}"
    ));
    told(&fleet);
    let token = sources(&fleet).into_iter().find_map(|source| source.service_account_token).unwrap();
    assert_eq!(token.audience.as_deref(), Some("team-a"));
}

#[test]
fn a_service_account_key_is_a_file() {
    let fleet = with(
        "gcpKms: {keyRing: projects/p/locations/l/keyRings/r, credentials: {serviceAccountKey: {secretRef: {name: gcp}}}}",
    );
    let KeyProvider::GcpKms(gcp) = told(&fleet) else { panic!("it is Cloud KMS") };
    let GcpKmsCredentials::ServiceAccountFile(file) = gcp.credentials else { panic!("it is a file") };
    assert_eq!(file.to_string(), "/etc/topic-encryption-keys/kms/key.json");
    assert_eq!(ways(&fleet), json!([{"ports": [{"protocol": "TCP", "port": 443}]}]));
}
