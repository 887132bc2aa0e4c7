//! The provider `awsKms`, against stand-ins for AWS over TLS.

mod calls;
mod errors;
mod legacy;
mod platform;
mod proxy;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use proxy_crypto::KeyProvider;
use proxy_kms::{AwsCredentials, AwsKms, AwsSettings};
use serde_json::{Value, json};
use tests::kms::{AWS_REGION, AwsApi, Faults, HttpAnswer, Https, LocalKms, Moto, aws_front, kms_error};
use tests::{Certificates, Scratch};

use super::contract::{self, Held, Outcome, context, provider_name};
use super::system::{Proof, System};
use super::table;

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";

/// A stand-in behind TLS, and access keys in files.
pub(crate) struct Aws {
    front: Https,
    faults: Faults,
    certificates: Certificates,
    folder: Scratch,
}

impl Aws {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let (certificates, folder) = (Certificates::new(), Scratch::new("aws"));
        let identity = certificates.server("aws", &[]);
        let front = aws_front(server, &identity).await;
        let faults = Faults::before(front.address(), &identity).await;
        for (name, text) in [("id", KEY_ID), ("secret", SECRET), ("token", TOKEN)] {
            fs::write(folder.join(name), format!("{text}\n")).unwrap();
        }
        Self { front, faults, certificates, folder }
    }

    /// One that answers by itself alone.
    async fn alone(answer: impl Fn() -> HttpAnswer + Send + 'static) -> Self {
        let aws = Self::before(([127, 0, 0, 1], 9).into()).await;
        aws.front.answer(move |_| Some(answer()));
        aws
    }

    fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.faults.port())
    }

    /// The provider in proxy.yaml.
    pub(crate) fn yaml(&self) -> Value {
        json!({"awsKms": {
            "region": AWS_REGION,
            "endpoint": self.endpoint(),
            "credentials": {"files": {
                "accessKeyIdFile": self.folder.join("id"),
                "secretAccessKeyFile": self.folder.join("secret"),
                "sessionTokenFile": self.folder.join("token"),
            }},
            "tls": {"caFile": self.certificates.authority()},
        }})
    }

    fn settings(&self) -> AwsSettings {
        AwsSettings {
            region: AWS_REGION.to_owned(),
            endpoint: Some(self.endpoint()),
            fips: false,
            credentials: AwsCredentials::Files {
                access_key_id: self.folder.join("id"),
                secret_access_key: self.folder.join("secret"),
                session_token: Some(self.folder.join("token")),
            },
            role: None,
            ca: Some(self.certificates.authority()),
        }
    }

    fn with(&self, change: impl FnOnce(&mut AwsSettings)) -> AwsKms {
        let mut settings = self.settings();
        change(&mut settings);
        AwsKms::new(provider_name(), settings)
    }

    fn provider(&self) -> AwsKms {
        self.with(|_| {})
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

/// A stand-in, and the cases that it lacks.
struct StandIn<'a> {
    aws: Aws,
    api: &'a AwsApi,
    lacks: &'static [&'static str],
}

#[async_trait]
impl System for StandIn<'_> {
    fn name(&self) -> &'static str {
        "awsKms"
    }

    fn faults(&self) -> &Faults {
        &self.aws.faults
    }

    fn provider(&self) -> Arc<dyn KeyProvider> {
        Arc::new(self.aws.provider())
    }

    fn distrustful(&self) -> Arc<dyn KeyProvider> {
        let others = Certificates::new();
        let authority = self.aws.file("other-ca.crt", &fs::read_to_string(others.authority()).unwrap());
        Arc::new(self.aws.with(|settings| settings.ca = Some(authority)))
    }

    fn proof(&self, case: &str) -> Proof {
        match case {
            _ if self.lacks.contains(&case) => Proof::NotProved,
            "another key" | "denied" | "throttled" | "certificate of another authority" => Proof::Injected,
            _ => Proof::StandIn,
        }
    }

    fn says(&self, case: &str) -> &'static str {
        match case {
            "another key" => "wrapped by another KMS key",
            "another cluster's context" => "InvalidCiphertextException",
            "no such key" => "NotFoundException",
            "disabled" => "DisabledException",
            "denied" => "AccessDeniedException",
            "throttled" => "ThrottlingException",
            "deleted" => "KMSInvalidStateException",
            _ => unreachable!("{case} has no message"),
        }
    }

    fn another_key(&self) -> Outcome {
        Outcome::Refused
    }

    fn tells_versions(&self) -> bool {
        false
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned(), TOKEN.to_owned()]
    }

    async fn make_key(&self, key: &str) {
        self.api.make_key(key).await;
        // The stand-ins find an altered data key here.
        self.aws.front.answer(|request| {
            let another = request.operation() == Some("Decrypt") && request.json()["KeyId"] == "alias/b";
            another.then(|| kms_error(400, "IncorrectKeyException", ""))
        });
    }

    async fn rotate(&self, key: &str) {
        self.api.kms("RotateKeyOnDemand", json!({"KeyId": self.id(key).await})).await;
    }

    async fn disable(&self, key: &str) {
        self.api.kms("DisableKey", json!({"KeyId": self.id(key).await})).await;
    }

    async fn enable(&self, key: &str) {
        self.api.kms("EnableKey", json!({"KeyId": self.id(key).await})).await;
    }

    async fn delete(&self, key: &str) {
        let parameters = json!({"KeyId": self.id(key).await, "PendingWindowInDays": 7});
        self.api.kms("ScheduleKeyDeletion", parameters).await;
    }

    async fn deny(&self, key: &str) {
        let id = format!("alias/{key}");
        self.aws.front.answer(move |request| {
            let message = "User: arn:aws:iam::111122223333:user/proxy is not authorized to perform this";
            let denied = request.json()["KeyId"] == id;
            denied.then(|| kms_error(400, "AccessDeniedException", message))
        });
    }

    async fn throttle(&self) {
        let answer = || kms_error(400, "ThrottlingException", "Rate exceeded");
        self.aws.front.answer(move |_| Some(answer()));
    }

    async fn unthrottle(&self) {
        self.aws.front.pass();
    }
}

impl StandIn<'_> {
    async fn id(&self, key: &str) -> String {
        let answer = self.api.kms("DescribeKey", json!({"KeyId": format!("alias/{key}")})).await;
        answer["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }
}

/// Conformance: P17-18.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    let moto = Moto::start().await;
    let lacks = &["disabled", "enabled again", "deleted"];
    let first = StandIn { aws: Aws::before(moto.address()).await, api: &moto, lacks };
    let first = contract::holds(&first).await;
    let local = LocalKms::start().await;
    // Part of its blob is bound to nothing.
    let lacks = &["altered", "rotated"];
    let second = StandIn { aws: Aws::before(local.address()).await, api: &local, lacks };
    let second = contract::holds(&second).await;
    let better = |(one, other): (Held, Held)| {
        assert_eq!(one.case, other.case);
        if one.proof == Proof::NotProved { other } else { one }
    };
    let held: Vec<_> = first.into_iter().zip(second).map(better).collect();
    table::is_current("awsKms", &held);
}
