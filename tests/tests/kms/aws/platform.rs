//! Credentials that the SDK finds where the proxy runs. They come by variables, so each case is a process of its own.

use std::process::Command;

use serde_json::json;
use tests::kms::{HttpRequest, aws_answer, sts_error};

use super::*;

/// Fetches a data key in another process, with these variables and no others of AWS. What was called, and what was said.
async fn fetch(aws: &Aws, variables: &[(&str, &str)]) -> (Vec<HttpRequest>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aws-data-key"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    // No profile of whoever runs the tests, and nobody asks the instance.
    let nowhere = aws.folder.join("nowhere");
    command.env("AWS_CONFIG_FILE", &nowhere).env("AWS_SHARED_CREDENTIALS_FILE", &nowhere);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.arg(aws.endpoint()).arg(aws.certificates.authority());
    command.envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    (aws.front.take_requests(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    // Where keys come from is said by the settings alone.
    let elsewhere = ("AWS_ENDPOINT_URL_KMS", "https://127.0.0.1:9");
    let key = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", SECRET), elsewhere];
    let (requests, said) = fetch(&aws, &key).await;
    assert!(said.contains("said: a data key"), "{said}");
    assert_eq!((requests.len(), requests[0].scope()[0]), (1, "AKIAENV"));
}

#[tokio::test(flavor = "multi_thread")]
async fn eks_pod_identity() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    let agent = |request: &HttpRequest| {
        let asked = request.headers.get("authorization").is_some_and(|text| text == "pod-token");
        let answer = json!({"AccessKeyId": "ASIAPOD", "SecretAccessKey": SECRET, "Token": TOKEN,
            "Expiration": "2100-01-01T00:00:00Z"});
        asked.then(|| aws_answer(200, &answer.to_string()))
    };
    aws.front.answer(agent);
    let uri = format!("{}/v1/credentials", aws.endpoint());
    let token = aws.file("pod-token", "pod-token");
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ];
    let (requests, said) = fetch(&aws, &variables).await;
    assert!(said.contains("said: a data key"), "{said}");
    let [_, call] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((call.scope()[0], call.headers["x-amz-security-token"].as_str()), ("ASIAPOD", TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_the_instance() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    // Version 2 of the service: nothing without a token, which a PUT gives.
    aws.front.answer(|request| {
        let roles = "/latest/meta-data/iam/security-credentials";
        if request.method == "PUT" && request.path == "/latest/api/token" {
            let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
            let asked = request.headers.contains_key(ttl);
            let answer = aws_answer(if asked { 200 } else { 400 }, "imds-token");
            return Some(HttpAnswer { header: Some((ttl, "21600")), ..answer });
        }
        let path = request.path.strip_prefix(roles).filter(|_| request.method == "GET")?;
        if request.headers.get("x-aws-ec2-metadata-token").is_none_or(|token| token != "imds-token") {
            return Some(aws_answer(401, ""));
        }
        let credentials = json!({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
            "AccessKeyId": "ASIANODE", "SecretAccessKey": SECRET, "Token": TOKEN,
            "Expiration": "2100-01-01T00:00:00Z"});
        Some(match path {
            "/" => aws_answer(200, "node-role"),
            "/node-role" => aws_answer(200, &credentials.to_string()),
            _ => aws_answer(404, ""),
        })
    });
    let endpoint = aws.endpoint();
    let variables =
        [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()), ("AWS_EC2_METADATA_DISABLED", "false")];
    let (requests, said) = fetch(&aws, &variables).await;
    assert!(said.contains("said: a data key"), "{said}");
    let asked: Vec<_> =
        requests.iter().map(|request| (request.method.as_str(), request.path.as_str())).collect();
    let role = ("GET", "/latest/meta-data/iam/security-credentials/node-role");
    assert!(asked[0].0 == "PUT" && asked.contains(&role), "{asked:?}");
    let call = requests.last().unwrap();
    assert_eq!((call.scope()[0], call.headers["x-amz-security-token"].as_str()), ("ASIANODE", TOKEN));

    // Where nobody gives tokens, version 1 is not tried.
    aws.front.answer(|_| Some(aws_answer(403, "")));
    let (requests, said) = fetch(&aws, &variables).await;
    assert!(said.contains("said: unavailable: "), "{said}");
    assert!(requests.iter().all(|request| request.method == "PUT"), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_for_service_accounts() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    let (endpoint, token) = (aws.endpoint(), aws.file("web-token", "web-token"));
    let variables = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/proxy"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", &endpoint),
    ];
    let (requests, said) = fetch(&aws, &variables).await;
    assert!(said.contains("said: a data key"), "{said}");
    let [login, call] = &requests[..] else { panic!("{requests:?}") };
    let form = String::from_utf8(login.body.clone()).unwrap();
    assert!(
        form.contains("AssumeRoleWithWebIdentity") && form.contains("WebIdentityToken=web-token"),
        "{form}"
    );
    assert_eq!(call.operation(), Some("GenerateDataKey"));

    for (code, expected) in [
        ("AccessDenied", "refused"),
        ("InvalidIdentityToken", "refused"),
        ("IDPCommunicationError", "unavailable"),
    ] {
        aws.front.answer(move |_| Some(sts_error(400, code, "No.")));
        let (_, said) = fetch(&aws, &variables).await;
        assert!(said.contains(&format!("said: {expected}: ")), "{code}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn none() {
    let aws = Aws::alone(|| aws_answer(500, "")).await;
    let (requests, said) = fetch(&aws, &[]).await;
    assert!(said.contains("said: unavailable: "), "{said}");
    assert!(requests.is_empty());
}
