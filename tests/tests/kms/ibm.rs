//! The provider `ibmKeyProtect`, against a stand-in for IBM Cloud over TLS.

mod calls;
mod errors;
mod logins;
mod proxy;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use proxy_crypto::KeyProvider;
use proxy_kms::{IbmCredentials, IbmKeyProtect, IbmSettings};
use tests::kms::{Faults, Ibm};
use tests::{Certificates, Scratch};

use super::contract::{self, Outcome, provider_name};
use super::system::{Proof, System};
use super::table;

const API_KEY: &str = "Vr0aF4k-an_api.key-of-the-service-id-0123456";
const TOKEN: &str = "compute-resource-token-of-the-pod";

/// The stand-in behind what makes connections fail, and credentials in files.
struct Cloud {
    ibm: Ibm,
    faults: Faults,
    certificates: Certificates,
    folder: Scratch,
}

impl Cloud {
    async fn start() -> Self {
        let (certificates, folder) = (Certificates::new(), Scratch::new("ibm"));
        let identity = certificates.server("ibm", &[]);
        let ibm = Ibm::start(&identity).await;
        let faults = Faults::before(ibm.address(), &identity).await;
        for (name, proof) in [("token", TOKEN), ("api-key", API_KEY)] {
            fs::write(folder.join(name), format!("{proof}\n")).unwrap();
            ibm.trust(proof);
        }
        Self { ibm, faults, certificates, folder }
    }

    fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.faults.port())
    }

    fn settings(&self) -> IbmSettings {
        IbmSettings {
            endpoint: self.endpoint().parse().unwrap(),
            instance: Ibm::INSTANCE.to_owned(),
            key_ring: None,
            iam: self.endpoint().parse().unwrap(),
            credentials: IbmCredentials::ApiKeyFile(self.folder.join("api-key")),
            ca: Some(self.certificates.authority()),
        }
    }

    fn with(&self, change: impl FnOnce(&mut IbmSettings)) -> IbmKeyProtect {
        let mut settings = self.settings();
        change(&mut settings);
        IbmKeyProtect::new(provider_name(), settings)
    }

    fn provider(&self) -> IbmKeyProtect {
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
        "ibmKeyProtect"
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
            "another key" | "another cluster's context" => "UNPROCESSABLE_CIPHERTEXT_ERR",
            "no such key" => "KEY_NOT_FOUND_ERR",
            "disabled" => "KEY_ACTION_INVALID_STATE_ERR",
            "denied" => "FORBIDDEN_ERR",
            "throttled" => "RATE_LIMIT_ERR",
            "deleted" => "KEY_DELETED_ERR",
            _ => unreachable!("{case} has no message"),
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![API_KEY.to_owned(), "access-token".to_owned()]
    }

    async fn make_key(&self, key: &str) {
        self.ibm.make_key(key);
    }

    async fn rotate(&self, key: &str) {
        self.ibm.rotate(key);
    }

    async fn disable(&self, key: &str) {
        self.ibm.enable(key, false);
    }

    async fn enable(&self, key: &str) {
        self.ibm.enable(key, true);
    }

    async fn delete(&self, key: &str) {
        self.ibm.delete(key);
    }

    async fn deny(&self, key: &str) {
        self.ibm.deny(key);
    }

    async fn throttle(&self) {
        self.ibm.throttle(true);
    }

    async fn unthrottle(&self) {
        self.ibm.throttle(false);
    }
}

/// Conformance: P17-18, P17-25, TE-27.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    let held = contract::holds(&Cloud::start().await).await;
    table::is_current("ibmKeyProtect", &held);
}
