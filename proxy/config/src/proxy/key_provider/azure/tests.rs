//! What `azureKeyVault` may say.

use super::super::KeyProvider;
use super::super::testing::{provider, refuses};
use super::*;

const IDENTITY: &str = "{workloadIdentity: {tenantId: t-1, clientId: c-1, tokenFile: token}}";

fn azure(text: &str) -> AzureKeyVaultProvider {
    match provider("azureKeyVault", text).unwrap() {
        KeyProvider::AzureKeyVault(azure) => *azure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tokens_are_for_the_service_of_the_address() {
    for (vault, audience) in [
        ("https://payments.vault.azure.net", "https://vault.azure.net"),
        ("https://payments.managedhsm.azure.net/", "https://managedhsm.azure.net"),
        ("https://payments.vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net"),
        ("https://payments.vault.azure.cn", "https://vault.azure.cn"),
    ] {
        let read = azure(&format!("{{vault: '{vault}', algorithm: A256KW, credentials: {IDENTITY}}}"));
        assert_eq!((read.vault.as_str(), read.audience.as_str()), (vault, audience));
        assert_eq!(read.algorithm, AzureAlgorithm::A256Kw);
        let AzureCredentials::WorkloadIdentity(identity) = read.credentials else { panic!("{vault}") };
        assert_eq!(identity.authority, "https://login.microsoftonline.com");
        assert_eq!(identity.proof_file.as_path(), Path::new("/etc/proxy/token"));
    }
}

#[test]
fn everything_is_read() {
    let all = azure(
        "{
      vault: 'https://keys.example:8443', algorithm: RSA-OAEP-256, audience: 'https://vault.azure.net/',
      credentials: {clientSecret: {
        tenantId: contoso.onmicrosoft.com, clientId: c-1, secretFile: /run/secret, authority: 'https://login.example',
      }},
      tls: {caFile: ca.crt},
    }",
    );
    assert_eq!(
        (all.algorithm, all.audience.as_str()),
        (AzureAlgorithm::RsaOaep256, "https://vault.azure.net")
    );
    let AzureCredentials::ClientSecret(application) = all.credentials else { panic!("it is a secret") };
    assert_eq!(
        (application.tenant_id.as_str(), application.client_id.as_str()),
        ("contoso.onmicrosoft.com", "c-1")
    );
    assert_eq!(
        (application.authority.as_str(), application.proof_file.as_path()),
        ("https://login.example", Path::new("/run/secret"))
    );
    assert_eq!(all.tls.unwrap().ca_file.as_path(), Path::new("/etc/proxy/ca.crt"));
}

#[test]
fn what_is_mistaken_is_refused() {
    let good = "vault: 'https://payments.vault.azure.net', algorithm: A256KW";
    refuses(
        "azureKeyVault",
        &[
            (
                "{}",
                ".vault: is required
.algorithm: is required
.credentials: is required",
            ),
            (
                &format!("{{vault: 'https://payments.vault.azure.net.example', algorithm: A256KW, credentials: {IDENTITY}}}"),
                ": must have audience with a vault whose address is not one of Azure's own",
            ),
            (
                &format!("{{vault: 'https://payments.vault.azure.net', algorithm: RSA1_5, credentials: {IDENTITY}}}"),
                ".algorithm: must be A256KW or RSA-OAEP-256, not \"RSA1_5\"",
            ),
            (
                &format!("{{{good}, credentials: {{}}}}"),
                ".credentials: must have exactly one of workloadIdentity, clientSecret",
            ),
            (
                &format!("{{{good}, credentials: {{clientSecret: {{tenantId: a/b, tokenFile: token}}}}}}"),
                ".credentials.clientSecret.tokenFile: is not a known field; known are tenantId, clientId, secretFile, authority
.credentials.clientSecret.tenantId: must be an id such as 9f7c1f5e-1111-4222-8333-0123456789ab, not \"a/b\"
.credentials.clientSecret.clientId: is required
.credentials.clientSecret.secretFile: is required",
            ),
        ],
    );
}
