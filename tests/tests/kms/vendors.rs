//! The clouds' own clients, with the stand-ins: what these take and answer is what the clouds' clients send and expect, and what
//! a provider wrapped is opened by them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{Dek, KeyProvider};
use proxy_kms::{
    AzureAlgorithm, AzureCredentials, AzureKeyVault, AzureProof, AzureSettings, GcpCredentials, GcpKms,
    GcpSettings, IbmCredentials, IbmKeyProtect, IbmSettings,
};
use serde_json::{Value, json};
use tests::kms::{Azure, Gcp, Ibm};
use tests::{Certificates, Rig, Scratch};

use super::contract::{context, provider_name};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rig/kms/vendors/vendor.py");

/// A cloud's client, for a stand-in at a port.
struct Vendor {
    cloud: &'static str,
    port: u16,
    certificates: Certificates,
    folder: Scratch,
}

impl Vendor {
    fn new(cloud: &'static str, port: u16, certificates: Certificates) -> Self {
        Self { cloud, port, certificates, folder: Scratch::new("vendor") }
    }

    fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    fn url(&self) -> reqwest::Url {
        self.endpoint().parse().unwrap()
    }

    fn file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What the client gives for these bytes, and the version that it is told.
    async fn call(&self, wrap: bool, data: &[u8], with: &Value) -> (Vec<u8>, String) {
        let mut asked = with.clone();
        asked["wrap"] = json!(wrap);
        asked["data"] = json!(BASE64.encode(data));
        Rig::ready().await;
        let mut command = Command::new(tests::rig::cache().join("vendors/bin/python"));
        command.arg(SCRIPT).arg(self.cloud).arg(self.endpoint()).arg(self.folder.path());
        command.env("REQUESTS_CA_BUNDLE", self.certificates.authority());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = tokio::task::spawn_blocking(move || {
            let mut client = command.spawn().expect("the client starts");
            client.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
            client.wait_with_output().unwrap()
        });
        let output = output.await.unwrap();
        assert!(output.status.success(), "{}: {}", self.cloud, String::from_utf8_lossy(&output.stderr));
        let done: Value = serde_json::from_slice(&output.stdout).unwrap();
        (BASE64.decode(done["data"].as_str().unwrap()).unwrap(), done["version"].as_str().unwrap().to_owned())
    }

    /// The client wraps and unwraps, and opens what the provider wrapped.
    async fn agrees(&self, provider: &dyn KeyProvider, with: Value) {
        let (dek, wrapped) = provider.generate(&context("a")).await.unwrap();
        let told = provider.version(wrapped.as_bytes()).unwrap();
        let mut of_version = with.clone();
        if self.cloud == "azure" {
            of_version["key"] = json!(format!("a/{told}"));
        }
        // Way, length and name of the version, and the check stand before what the cloud gave.
        let blob = &wrapped.as_bytes()[2 + told.len() + 16..];
        assert_eq!(self.call(false, blob, &of_version).await.0, dek.expose());

        let dek = Dek::generate().unwrap();
        let (wrapped, version) = self.call(true, dek.expose(), &with).await;
        assert_ne!(wrapped, dek.expose());
        assert_eq!(self.call(false, &wrapped, &of_version).await.0, dek.expose());
        if self.cloud != "azure" {
            assert_eq!(version.rsplit('/').next(), Some(told.as_str()), "both tell the same version");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn google() {
    let certificates = Certificates::new();
    let gcp = Gcp::start(&certificates.server("gcp", &[])).await;
    gcp.make_key("a");
    let vendor = Vendor::new("google", gcp.address().port(), certificates);
    let account = vendor.file("account.json", &gcp.service_account_key(vendor.port));
    let settings = GcpSettings {
        endpoint: vendor.url(),
        key_ring: Gcp::KEY_RING.to_owned(),
        credentials: GcpCredentials::ServiceAccountFile(account),
        ca: Some(vendor.certificates.authority()),
    };
    let key = format!("{}/cryptoKeys/a", Gcp::KEY_RING);
    let with = json!({"key": key, "aad": BASE64.encode(context("a").to_bytes())});
    vendor.agrees(&GcpKms::new(provider_name(), settings), with).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure() {
    for algorithm in [AzureAlgorithm::A256Kw, AzureAlgorithm::RsaOaep256] {
        let certificates = Certificates::new();
        let identity = certificates.server("azure", &[]);
        let (azure, name) = match algorithm {
            AzureAlgorithm::A256Kw => (Azure::managed_hsm(&identity).await, "A256KW"),
            AzureAlgorithm::RsaOaep256 => (Azure::vault(&identity).await, "RSA-OAEP-256"),
        };
        azure.make_key("a");
        azure.trust("secret");
        let vendor = Vendor::new("azure", azure.address().port(), certificates);
        let settings = AzureSettings {
            vault: vendor.url(),
            algorithm,
            audience: Azure::AUDIENCE.to_owned(),
            credentials: AzureCredentials {
                authority: vendor.url(),
                tenant: Azure::TENANT.to_owned(),
                client: Azure::CLIENT.to_owned(),
                proof: AzureProof::SecretFile(vendor.file("secret", "secret")),
            },
            ca: Some(vendor.certificates.authority()),
        };
        let with = json!({"key": "a", "algorithm": name, "token": azure.token()});
        vendor.agrees(&AzureKeyVault::new(provider_name(), settings), with).await;
    }
}

/// Conformance: TE-27.
#[tokio::test(flavor = "multi_thread")]
async fn ibm() {
    let certificates = Certificates::new();
    let ibm = Ibm::start(&certificates.server("ibm", &[])).await;
    ibm.make_key("a");
    ibm.trust("api-key");
    let vendor = Vendor::new("ibm", ibm.address().port(), certificates);
    let settings = IbmSettings {
        endpoint: vendor.url(),
        instance: Ibm::INSTANCE.to_owned(),
        key_ring: None,
        iam: vendor.url(),
        credentials: IbmCredentials::ApiKeyFile(vendor.file("api-key", "api-key")),
        ca: Some(vendor.certificates.authority()),
    };
    let names = ["strimzi topic encryption", "my-cluster", "team-kms", "a"];
    let with = json!({"key": "a", "instance": Ibm::INSTANCE, "names": names, "token": ibm.token()});
    vendor.agrees(&IbmKeyProtect::new(provider_name(), settings), with).await;
}
