//! As whom the provider calls.

use std::time::Duration;

use proxy_crypto::ProviderError;
use tests::kms::{HttpAnswer, gcp_error};

use super::super::contract::{Outcome, context};
use super::errors::outcome;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn machines_pods_and_service_accounts_log_in() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    let metadata = GcpCredentials::Metadata(cloud.endpoint().parse().unwrap());
    let federated = GcpCredentials::Federation(cloud.federation());
    let for_iam = cloud.file("subject-for-iam", SUBJECT_FOR_IAM);
    let impersonated = GcpCredentials::Federation(GcpFederation {
        service_account: Some(Gcp::SERVICE_ACCOUNT.to_owned()),
        token: for_iam,
        ..cloud.federation()
    });
    for (credentials, whose) in [
        (metadata, "machine"),
        (federated, "federated"),
        (impersonated, "impersonated"),
        (cloud.settings().credentials, "service-account"),
    ] {
        let provider = cloud.with(|settings| settings.credentials = credentials);
        cloud.gcp.take_requests();
        for _ in 0..3 {
            provider.generate(&context("a")).await.unwrap();
        }
        let requests = cloud.gcp.take_requests();
        let call = requests.last().unwrap();
        assert!(call.bearer().unwrap().ends_with(whose), "{call:?}");
        let logins = requests.len() - 3;
        assert_eq!(logins, if whose == "impersonated" { 2 } else { 1 }, "{whose}: one login for all calls");
        let debug = format!("{provider:?}");
        assert!(
            !debug.contains("access-token") && !debug.contains("PRIVATE") && !debug.contains(SUBJECT),
            "{debug}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_replaced_before_they_end_and_credentials_are_followed() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    cloud.gcp.tokens_live(Duration::from_secs(3));
    let provider =
        cloud.with(|settings| settings.credentials = GcpCredentials::Federation(cloud.federation()));
    let end = tokio::time::Instant::now() + Duration::from_secs(5);
    while tokio::time::Instant::now() < end {
        provider.generate(&context("a")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(cloud.gcp.expired_tokens(), 0, "no call was made with a token that had ended");
    let tokens = cloud.gcp.tokens();
    assert!((2..=4).contains(&tokens), "{tokens} tokens in 5 seconds, each good for 3");

    // Who is not trusted any more loses the keys with the last token.
    cloud.gcp.distrust_subjects();
    let refused = tests::eventually_ok("the login is refused", Duration::from_secs(10), async || {
        match provider.generate(&context("a")).await {
            Err(ProviderError::Refused { cause, .. }) => Ok(cause),
            other => Err(format!("{:?}", other.map(drop))),
        }
    });
    let cause = refused.await;
    assert!(cause.starts_with("failed to log in: invalid_grant") && !cause.contains(SUBJECT), "{cause}");
    cloud.gcp.trust_subject("the-next-token");
    assert_eq!(provider.reload(), (false, None));
    cloud.file("subject", "the-next-token\n");
    assert_eq!(provider.reload(), (true, None));
    provider.generate(&context("a")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_withdrawn_is_replaced_once() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    let provider = cloud.provider();
    provider.generate(&context("a")).await.unwrap();
    // A token so new is not what a denial is about.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    cloud.gcp.withdraw_tokens();
    provider.generate(&context("a")).await.unwrap();
    assert_eq!((cloud.gcp.tokens(), cloud.gcp.expired_tokens()), (2, 1));
    cloud.gcp.withdraw_tokens();
    for _ in 0..5 {
        let error = provider.generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Refused, "{error}");
    }
    assert_eq!(cloud.gcp.tokens(), 2, "denials in a row lead to no logins in a row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_key_is_followed_and_one_that_is_none_is_told_without_its_content() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    let provider = cloud.provider();
    let first = fs::read_to_string(cloud.folder.join("account.json")).unwrap();
    // The owner makes another key, which takes the first one's place.
    let next = cloud.gcp.service_account_key(cloud.faults.port());
    let error = provider.generate(&context("a")).await.map(drop).unwrap_err();
    assert_eq!(outcome(&error), Outcome::Refused, "{error}");
    assert!(error.cause().contains("invalid_grant"), "{error}");
    cloud.file("account.json", &next);
    assert_eq!(provider.reload(), (true, None));
    provider.generate(&context("a")).await.unwrap();

    let plain = next.replace("https://localhost", "http://localhost");
    let other_type = next.replace("service_account", "authorized_user");
    let cut = &next[..next.len() / 2];
    let no_key = next.replace("BEGIN PRIVATE", "BEGIN PUBLIC");
    for bad in ["", "{}", &plain, &other_type, cut, &no_key] {
        cloud.file("account.json", bad);
        let error = cloud.provider().generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Unavailable, "{error}");
        assert!(error.cause().starts_with("failed to log in: ") && !error.cause().contains("MII"), "{error}");
    }
    assert_ne!(first, next);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_token_says_no_or_not_now() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    for (answer, expected) in [
        (
            HttpAnswer::text(
                400,
                r#"{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}"#,
            ),
            Outcome::Refused,
        ),
        (HttpAnswer::text(401, r#"{"error": "invalid_client"}"#), Outcome::Refused),
        (HttpAnswer::text(400, r#"{"error": "temporarily_unavailable"}"#), Outcome::Unavailable),
        (HttpAnswer::text(400, r#"{"error": "server_error"}"#), Outcome::Unavailable),
        (
            HttpAnswer::text(
                400,
                r#"{"error": "invalid_grant",
                    "error_description": "Error connecting to the given credential's issuer."}"#,
            ),
            Outcome::Unavailable,
        ),
        (gcp_error(403, "PERMISSION_DENIED", "Denied."), Outcome::Refused),
        (gcp_error(429, "RESOURCE_EXHAUSTED", "Later."), Outcome::Unavailable),
        (HttpAnswer::text(500, "<html>"), Outcome::Unavailable),
        (HttpAnswer::text(302, ""), Outcome::Unavailable),
        (HttpAnswer::text(200, "{}"), Outcome::Unavailable),
        (HttpAnswer::text(200, "<html>"), Outcome::Unavailable),
    ] {
        let shown = format!("{answer:?}");
        cloud.gcp.answer(move |request| (request.path == "/token").then(|| answer.clone()));
        let error = cloud.provider().generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), expected, "{shown}: {error}");
        assert!(!error.is_gone(), "no word on the key: {error}");
        assert!(error.cause().starts_with("failed to log in: "), "{error}");
    }
    cloud.gcp.pass();
    let wrong = GcpFederation { audience: "//iam.googleapis.com/other".to_owned(), ..cloud.federation() };
    let provider = cloud.with(|settings| settings.credentials = GcpCredentials::Federation(wrong));
    let error = provider.generate(&context("a")).await.map(drop).unwrap_err();
    assert_eq!(outcome(&error), Outcome::Refused, "{error}");
    assert!(error.cause().contains("invalid_target"), "{error}");
    let missing = GcpFederation { token: cloud.folder.join("none"), ..cloud.federation() };
    let provider = cloud.with(|settings| settings.credentials = GcpCredentials::Federation(missing));
    let error = provider.generate(&context("a")).await.map(drop).unwrap_err();
    assert_eq!(outcome(&error), Outcome::Unavailable, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_wrong_with_the_metadata_server_is_a_no() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    let url = cloud.endpoint().parse().unwrap();
    let provider = cloud.with(|settings| settings.credentials = GcpCredentials::Metadata(url));
    let token = r#"{"access_token": "access-token-of-somebody", "expires_in": 3600}"#;
    for (status, body, header) in [
        (403, "Missing Metadata-Flavor:Google header.", true),
        (404, "not found", true),
        (503, "", true),
        (200, token, false),
    ] {
        let header = header.then_some(("metadata-flavor", "Google"));
        let answer = HttpAnswer { header, ..HttpAnswer::text(status, body) };
        cloud.gcp.answer(move |request| request.path.contains("computeMetadata").then(|| answer.clone()));
        let error = provider.generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Unavailable, "{status} {header:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_lives_longer_than_any_clock_can_tell_is_used() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("a");
    cloud.gcp.tokens_live(Duration::from_secs(u64::MAX));
    cloud.provider().generate(&context("a")).await.unwrap();
}
