//! Calls that prepare a stand-in for AWS. They are signed for a region, but by nobody: stand-ins do not look.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::eventually::eventually_ok;

/// The region of the stand-ins.
pub const AWS_REGION: &str = "eu-central-1";
/// The account of keys and callers that name none.
const ACCOUNT: &str = "123456789012";
const START: Duration = Duration::from_mins(1);

/// The API of a stand-in.
#[derive(Debug)]
pub struct AwsApi {
    address: SocketAddr,
    client: Client,
}

impl AwsApi {
    /// Waits until the stand-in answers.
    pub(super) async fn ready(name: &str, address: SocketAddr) -> Self {
        let client = Client::builder().no_proxy().build().expect("a client can be made");
        let api = Self { address, client };
        let answers = async || match api.ask(ACCOUNT, "ListKeys", &json!({})).await {
            Ok((StatusCode::OK, _)) => Ok(()),
            other => Err(format!("{other:?}")),
        };
        eventually_ok(&format!("{name} answers"), START, answers).await;
        api
    }

    /// A call to KMS, which must succeed.
    pub async fn kms(&self, operation: &str, parameters: Value) -> Value {
        self.kms_of(ACCOUNT, operation, parameters).await
    }

    /// A call to KMS in this account, for a stand-in that has several.
    pub async fn kms_of(&self, account: &str, operation: &str, parameters: Value) -> Value {
        let (status, answer) = self.ask(account, operation, &parameters).await.expect("the stand-in answers");
        assert!(status.is_success(), "{operation}: {status} {answer}");
        answer
    }

    /// A call to a service with form parameters, which must succeed: the text of the answer.
    pub async fn query(&self, service: &str, parameters: &str) -> String {
        let request = self.client.post(format!("http://{}/", self.address));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("authorization", authorization(service));
        let answer = request.body(parameters.to_owned()).send().await.expect("the stand-in answers");
        let (status, text) = (answer.status(), answer.text().await.expect("it answers"));
        assert!(status.is_success(), "{parameters}: {status} {text}");
        text
    }

    /// A call to the stand-in about itself, which must succeed.
    pub async fn about(&self, path: &str, body: &str) {
        let request = self.client.post(format!("http://{}/{path}", self.address)).body(body.to_owned());
        let status = request.send().await.expect("the stand-in answers").status();
        assert!(status.is_success(), "{path}: {status}");
    }

    async fn ask(
        &self,
        account: &str,
        operation: &str,
        parameters: &Value,
    ) -> Result<(StatusCode, Value), String> {
        let request = self.client.post(format!("http://{}/", self.address)).body(parameters.to_string());
        let request = request.header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", format!("TrentService.{operation}"));
        let request = request.header("authorization", authorization("kms"));
        let request = request.header("x-moto-account-id", account);
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Makes a key with an alias of this name: the key's id.
    pub async fn make_key(&self, name: &str) -> String {
        let answer = self.kms("CreateKey", json!({})).await;
        let id = answer["KeyMetadata"]["KeyId"].as_str().expect("a key has an id").to_owned();
        self.kms("CreateAlias", json!({"AliasName": format!("alias/{name}"), "TargetKeyId": id})).await;
        id
    }
}

fn authorization(service: &str) -> String {
    let scope = format!("Credential=preparation/20260101/{AWS_REGION}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00")
}
