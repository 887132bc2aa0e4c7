//! As whom the provider calls.

use std::time::Duration;

use proxy_crypto::ProviderError;
use tests::kms::HttpAnswer;

use super::super::contract::context;
use super::errors::outcome;
use super::*;

fn profile(cloud: &Cloud, profile: &str) -> IbmKeyProtect {
    let (profile, token) = (profile.to_owned(), cloud.folder.join("token"));
    cloud.with(|settings| settings.credentials = IbmCredentials::TrustedProfile { profile, token })
}

/// Conformance: TE-04, TE-13.
#[tokio::test(flavor = "multi_thread")]
async fn pods_and_service_ids_log_in_once_for_many_calls() {
    let cloud = Cloud::start().await;
    cloud.ibm.make_key("a");
    for (provider, fields) in [(profile(&cloud, Ibm::PROFILE), 3), (cloud.provider(), 2)] {
        cloud.ibm.take_requests();
        for _ in 0..3 {
            provider.generate(&context("a")).await.unwrap();
        }
        let requests = cloud.ibm.take_requests();
        assert_eq!((requests.len(), requests[0].form().len()), (4, fields));
        let debug = format!("{provider:?}");
        assert!(
            !debug.contains("access-token") && !debug.contains(API_KEY) && !debug.contains(TOKEN),
            "{debug}"
        );
    }
}

/// Conformance: TE-13.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_replaced_before_they_end_and_credentials_are_followed() {
    let cloud = Cloud::start().await;
    cloud.ibm.make_key("a");
    cloud.ibm.tokens_live(Duration::from_secs(3));
    let provider = cloud.provider();
    let end = tokio::time::Instant::now() + Duration::from_secs(5);
    while tokio::time::Instant::now() < end {
        provider.generate(&context("a")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(cloud.ibm.expired_tokens(), 0, "no call was made with a token that had ended");
    let tokens = cloud.ibm.tokens();
    assert!((2..=4).contains(&tokens), "{tokens} tokens in 5 seconds, each good for 3");

    // Who is not trusted any more loses the keys with the last token.
    cloud.ibm.distrust_all();
    let refused = tests::eventually_ok("the login is refused", Duration::from_secs(10), async || {
        match provider.generate(&context("a")).await {
            Err(ProviderError::Refused { cause, .. }) => Ok(cause),
            other => Err(format!("{:?}", other.map(drop))),
        }
    });
    let cause = refused.await;
    assert!(cause.starts_with("failed to log in: BXNIM0415E") && !cause.contains(API_KEY), "{cause}");
    cloud.ibm.trust("the-next-key");
    assert_eq!(provider.reload(), (false, None));
    cloud.file("api-key", "the-next-key\n");
    assert_eq!(provider.reload(), (true, None));
    provider.generate(&context("a")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_withdrawn_is_replaced() {
    let cloud = Cloud::start().await;
    cloud.ibm.make_key("a");
    let provider = cloud.provider();
    provider.generate(&context("a")).await.unwrap();
    // A token so new is not what a denial is about.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    cloud.ibm.withdraw_tokens();
    provider.generate(&context("a")).await.unwrap();
    assert_eq!((cloud.ibm.tokens(), cloud.ibm.expired_tokens()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_token_says_no_or_not_now() {
    let cloud = Cloud::start().await;
    cloud.ibm.make_key("a");
    for (status, body, expected) in [
        (400, r#"{"errorCode": "BXNIM0415E", "errorMessage": "It could not be found."}"#, Outcome::Refused),
        (401, r#"{"errorCode": "BXNIM0439E"}"#, Outcome::Refused),
        (429, r#"{"errorCode": "BXNIM0000E"}"#, Outcome::Unavailable),
        (500, "<html>", Outcome::Unavailable),
        (302, "", Outcome::Unavailable),
        (200, "{}", Outcome::Unavailable),
    ] {
        let of_iam = |path: &str| path == "/identity/token";
        cloud.ibm.answer(move |request| of_iam(&request.path).then(|| HttpAnswer::text(status, body)));
        let error = cloud.provider().generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), expected, "{body}: {error}");
        assert!(error.cause().starts_with("failed to log in: "), "{error}");
    }
    cloud.ibm.pass();
    let error = profile(&cloud, "Profile-other").generate(&context("a")).await.map(drop).unwrap_err();
    assert_eq!(outcome(&error), Outcome::Refused, "{error}");
    assert!(error.cause().contains("BXNIM0527E"), "{error}");
    cloud.file("api-key", "\n");
    let error = cloud.provider().generate(&context("a")).await.map(drop).unwrap_err();
    assert_eq!(outcome(&error), Outcome::Unavailable, "{error}");
}
