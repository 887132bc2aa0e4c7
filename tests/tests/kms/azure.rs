//! The provider `azureKeyVault`, against a stand-in for Azure over TLS.

mod calls;
mod errors;
mod logins;
mod proxy;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use proxy_crypto::KeyProvider;
use proxy_kms::{AzureAlgorithm, AzureCredentials, AzureKeyVault, AzureProof, AzureSettings};
use tests::kms::{Azure, Faults};
use tests::{Certificates, Scratch};

use super::contract::{self, Outcome, provider_name};
use super::system::{Proof, System};
use super::table;

const SECRET: &str = "Xy8Q~client.secret_of-the-application";
const TOKEN: &str = "federated-token-of-the-pod";

/// The stand-in behind what makes connections fail, and credentials in files.
struct Cloud {
    azure: Azure,
    algorithm: AzureAlgorithm,
    faults: Faults,
    certificates: Certificates,
    folder: Scratch,
}

impl Cloud {
    async fn managed_hsm() -> Self {
        Self::start(AzureAlgorithm::A256Kw).await
    }

    async fn start(algorithm: AzureAlgorithm) -> Self {
        let (certificates, folder) = (Certificates::new(), Scratch::new("azure"));
        let identity = certificates.server("azure", &[]);
        let azure = match algorithm {
            AzureAlgorithm::A256Kw => Azure::managed_hsm(&identity).await,
            AzureAlgorithm::RsaOaep256 => Azure::vault(&identity).await,
        };
        let faults = Faults::before(azure.address(), &identity).await;
        for (name, proof) in [("token", TOKEN), ("secret", SECRET)] {
            fs::write(folder.join(name), format!("{proof}\n")).unwrap();
            azure.trust(proof);
        }
        Self { azure, algorithm, faults, certificates, folder }
    }

    fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.faults.port())
    }

    fn settings(&self) -> AzureSettings {
        AzureSettings {
            vault: self.endpoint().parse().unwrap(),
            algorithm: self.algorithm,
            audience: Azure::AUDIENCE.to_owned(),
            credentials: AzureCredentials {
                authority: self.endpoint().parse().unwrap(),
                tenant: Azure::TENANT.to_owned(),
                client: Azure::CLIENT.to_owned(),
                proof: AzureProof::SecretFile(self.folder.join("secret")),
            },
            ca: Some(self.certificates.authority()),
        }
    }

    fn with(&self, change: impl FnOnce(&mut AzureSettings)) -> AzureKeyVault {
        let mut settings = self.settings();
        change(&mut settings);
        AzureKeyVault::new(provider_name(), settings)
    }

    fn provider(&self) -> AzureKeyVault {
        self.with(|_| {})
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

#[async_trait]
impl System for Cloud {
    fn name(&self) -> &'static str {
        "azureKeyVault"
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn provider(&self) -> Arc<dyn KeyProvider> {
        Arc::new(self.provider())
    }

    fn distrustful(&self) -> Arc<dyn KeyProvider> {
        let others = Certificates::new();
        let authority = self.file("other-ca.crt", &fs::read_to_string(others.authority()).unwrap());
        Arc::new(self.with(|settings| settings.ca = Some(authority)))
    }

    fn proof(&self, _case: &str) -> Proof {
        Proof::StandIn
    }

    fn says(&self, case: &str) -> &'static str {
        match case {
            "another key" | "no such key" | "deleted" => "KeyNotFound",
            "another cluster's context" => "another cluster",
            "disabled" => "KeyDisabled",
            "denied" => "ForbiddenByRbac",
            "throttled" => "Throttled",
            _ => unreachable!("{case} has no message"),
        }
    }

    fn another_key(&self) -> Outcome {
        Outcome::Refused
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned(), "access-token".to_owned()]
    }

    async fn make_key(&self, key: &str) {
        self.azure.make_key(key);
    }

    async fn rotate(&self, key: &str) {
        self.azure.rotate(key);
    }

    async fn disable(&self, key: &str) {
        self.azure.enable(key, false);
    }

    async fn enable(&self, key: &str) {
        self.azure.enable(key, true);
    }

    async fn delete(&self, key: &str) {
        self.azure.delete(key);
    }

    async fn deny(&self, key: &str) {
        self.azure.deny(key);
    }

    async fn throttle(&self) {
        self.azure.throttle(true);
    }

    async fn unthrottle(&self) {
        self.azure.throttle(false);
    }
}

/// Conformance: P17-18.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_with_aes_keys() {
    let held = contract::holds(&Cloud::managed_hsm().await).await;
    table::is_current("azureKeyVault", &held);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_with_rsa_keys() {
    let held = contract::holds(&Cloud::start(AzureAlgorithm::RsaOaep256).await).await;
    table::is_current("azureKeyVault", &held);
}
