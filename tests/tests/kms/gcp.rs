//! The provider `gcpKms`, against a stand-in for Google Cloud over TLS.

mod calls;
mod errors;
mod logins;
mod proxy;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use proxy_crypto::KeyProvider;
use proxy_kms::{GcpCredentials, GcpFederation, GcpKms, GcpSettings};
use tests::kms::{Faults, Gcp};
use tests::{Certificates, Scratch};

use super::contract::{self, provider_name};
use super::system::{Proof, System};
use super::table;

/// A token of another platform, which the stand-in trusts.
const SUBJECT: &str = "subject-token-of-the-pod";
/// One of somebody who is to take on the service account.
const SUBJECT_FOR_IAM: &str = "subject-token-for-iam";

/// The stand-in behind what makes connections fail, and credentials in files.
struct Cloud {
    gcp: Gcp,
    faults: Faults,
    certificates: Certificates,
    folder: Scratch,
}

impl Cloud {
    async fn start() -> Self {
        let (certificates, folder) = (Certificates::new(), Scratch::new("gcp"));
        let identity = certificates.server("gcp", &[]);
        let gcp = Gcp::start(&identity).await;
        let faults = Faults::before(gcp.address(), &identity).await;
        fs::write(folder.join("subject"), SUBJECT).unwrap();
        gcp.trust_subject(SUBJECT);
        gcp.trust_subject(SUBJECT_FOR_IAM);
        let account = gcp.service_account_key(faults.port());
        fs::write(folder.join("account.json"), account).unwrap();
        Self { gcp, faults, certificates, folder }
    }

    fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.faults.port())
    }

    fn settings(&self) -> GcpSettings {
        GcpSettings {
            endpoint: self.endpoint().parse().unwrap(),
            key_ring: Gcp::KEY_RING.to_owned(),
            credentials: GcpCredentials::ServiceAccountFile(self.folder.join("account.json")),
            ca: Some(self.certificates.authority()),
        }
    }

    fn federation(&self) -> GcpFederation {
        GcpFederation {
            audience: Gcp::AUDIENCE.to_owned(),
            token: self.folder.join("subject"),
            service_account: None,
            sts: self.endpoint().parse().unwrap(),
            iam_credentials: self.endpoint().parse().unwrap(),
        }
    }

    fn with(&self, change: impl FnOnce(&mut GcpSettings)) -> GcpKms {
        let mut settings = self.settings();
        change(&mut settings);
        GcpKms::new(provider_name(), settings)
    }

    fn provider(&self) -> GcpKms {
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
        "gcpKms"
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
            "another key" | "another cluster's context" => "Decryption failed",
            "no such key" => "NOT_FOUND",
            "disabled" => "DISABLED",
            "denied" => "PERMISSION_DENIED",
            "throttled" => "RESOURCE_EXHAUSTED",
            "deleted" => "DESTROY_SCHEDULED",
            _ => unreachable!("{case} has no message"),
        }
    }

    fn secrets(&self) -> Vec<String> {
        let account = fs::read_to_string(self.folder.join("account.json")).unwrap();
        let account: serde_json::Value = serde_json::from_str(&account).unwrap();
        let key = account["private_key"].as_str().unwrap();
        vec![key.lines().nth(3).unwrap().to_owned(), "access-token".to_owned(), "eyJ".to_owned()]
    }

    async fn make_key(&self, key: &str) {
        self.gcp.make_key(key);
    }

    async fn rotate(&self, key: &str) {
        self.gcp.rotate(key);
    }

    async fn disable(&self, key: &str) {
        self.gcp.set_state(key, "DISABLED");
    }

    async fn enable(&self, key: &str) {
        self.gcp.set_state(key, "ENABLED");
    }

    async fn delete(&self, key: &str) {
        self.gcp.set_state(key, "DESTROY_SCHEDULED");
    }

    async fn deny(&self, key: &str) {
        self.gcp.deny(key);
    }

    async fn throttle(&self) {
        self.gcp.throttle(true);
    }

    async fn unthrottle(&self) {
        self.gcp.throttle(false);
    }
}

/// Conformance: P17-18.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    let held = contract::holds(&Cloud::start().await).await;
    table::is_current("gcpKms", &held);
}
