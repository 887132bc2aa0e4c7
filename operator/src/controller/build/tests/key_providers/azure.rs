//! Azure Key Vault.

use proxy_config::{AzureAlgorithm, AzureCredentials};

use super::*;

#[test]
fn a_federated_credential_takes_a_token_that_is_for_it_alone() {
    let fleet = with(
        "azureKeyVault: {
            vault: 'https://payments.managedhsm.azure.net', algorithm: A256KW,
            credentials: {workloadIdentity: {tenantId: t-1, clientId: c-1}},
        }",
    );
    let KeyProvider::AzureKeyVault(azure) = told(&fleet) else { panic!("it is Key Vault") };
    assert_eq!(
        (azure.algorithm, azure.audience.as_str()),
        (AzureAlgorithm::A256Kw, "https://managedhsm.azure.net")
    );
    let AzureCredentials::WorkloadIdentity(identity) = azure.credentials else { panic!("it is federated") };
    assert_eq!((identity.tenant_id.as_str(), identity.client_id.as_str()), ("t-1", "c-1"));
    let token = sources(&fleet).into_iter().find_map(|source| source.service_account_token).unwrap();
    assert_eq!(token.audience.as_deref(), Some("api://AzureADTokenExchange"));
    assert_eq!(ways(&fleet), json!([{"ports": [{"protocol": "TCP", "port": 443}]}]));
}

#[test]
fn an_applications_secret_is_a_file() {
    let fleet = with(
        "azureKeyVault: {
            vault: 'https://keys.example:8443', algorithm: RSA-OAEP-256, audience: 'https://vault.azure.net',
            credentials: {clientSecret: {
                tenantId: t-1, clientId: c-1, secretRef: {name: azure}, authority: 'https://login.example:9443',
            }},
            tls: {caConfigMapRef: {name: ca}},
            networkPolicyPeers: [{ipBlock: {cidr: 192.0.2.0/24}}],
        }",
    );
    let KeyProvider::AzureKeyVault(azure) = told(&fleet) else { panic!("it is Key Vault") };
    assert_eq!(
        (azure.algorithm, azure.audience.as_str()),
        (AzureAlgorithm::RsaOaep256, "https://vault.azure.net")
    );
    let AzureCredentials::ClientSecret(application) = azure.credentials else { panic!("it is a secret") };
    assert_eq!(application.authority, "https://login.example:9443");
    assert_eq!(application.proof_file.to_string(), "/etc/topic-encryption-keys/kms/client-secret");
    let ports = json!([8443, 9443].map(|port| json!({"protocol": "TCP", "port": port})));
    assert_eq!(ways(&fleet), json!([{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": ports}]));
}
