//! What stands before a stand-in for AWS: TLS, a record of what came, and answers of its own where a test wants some.

use std::net::SocketAddr;

use super::https::{HttpAnswer, HttpRequest, Https};
use crate::certificates::Identity;

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";

impl HttpRequest {
    /// The operation of KMS, such as `Decrypt`; none for a call to STS.
    pub fn operation(&self) -> Option<&str> {
        self.headers.get("x-amz-target")?.strip_prefix("TrentService.")
    }

    /// The scope that a call of AWS is signed for: access key, day, region, service.
    pub fn scope(&self) -> Vec<&str> {
        let authorization = self.headers.get("authorization").map(String::as_str).unwrap_or_default();
        let scope = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").unwrap_or_default();
        scope.split_once(',').map_or(scope, |(scope, _)| scope).split('/').collect()
    }
}

/// Something that nobody expects of AWS.
pub fn aws_answer(status: u16, body: &str) -> HttpAnswer {
    HttpAnswer { content_type: JSON, ..HttpAnswer::text(status, body) }
}

/// An error as KMS words it.
pub fn kms_error(status: u16, code: &str, message: &str) -> HttpAnswer {
    aws_answer(status, &serde_json::json!({"__type": code, "message": message}).to_string())
}

/// An error as STS words it.
pub fn sts_error(status: u16, code: &str, message: &str) -> HttpAnswer {
    let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
    let body = format!("<ErrorResponse><Error>{error}</Error><RequestId>1</RequestId></ErrorResponse>");
    HttpAnswer { content_type: XML, ..HttpAnswer::text(status, &body) }
}

/// Stands before `server`, which speaks HTTP without TLS.
pub async fn aws_front(server: SocketAddr, identity: &Identity) -> Https {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
    let forwarded = move |request: HttpRequest| {
        let client = client.clone();
        async move { forward(&client, server, request).await.unwrap_or_else(|_| aws_answer(502, "")) }
    };
    Https::relay(identity, forwarded).await
}

async fn forward(
    client: &reqwest::Client,
    server: SocketAddr,
    request: HttpRequest,
) -> reqwest::Result<HttpAnswer> {
    let mut forwarded = client.post(format!("http://{server}{}", request.path));
    for (name, value) in &request.headers {
        forwarded = forwarded.header(name, value);
    }
    let answer = forwarded.body(request.body).send().await?;
    let status = answer.status().as_u16();
    let xml = answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().ends_with(b"xml"));
    let content_type = if xml { XML } else { JSON };
    Ok(HttpAnswer { content_type, ..HttpAnswer::text(status, &answer.text().await?) })
}
