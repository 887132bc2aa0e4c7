//! As whom the provider calls.

use std::time::Duration;

use proxy_crypto::ProviderError;
use tests::kms::HttpAnswer;

use super::super::contract::context;
use super::errors::outcome;
use super::*;

fn federated(cloud: &Cloud) -> AzureKeyVault {
    let proof = AzureProof::TokenFile(cloud.folder.join("token"));
    cloud.with(|settings| settings.credentials.proof = proof)
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_and_applications_log_in_once_for_many_calls() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("a");
    for (provider, fields) in [(federated(&cloud), 5), (cloud.provider(), 4)] {
        cloud.azure.take_requests();
        for _ in 0..3 {
            provider.generate(&context("a")).await.unwrap();
        }
        let requests = cloud.azure.take_requests();
        assert_eq!((requests.len(), requests[0].form().len()), (4, fields));
        let debug = format!("{provider:?}");
        assert!(
            !debug.contains("access-token") && !debug.contains(SECRET) && !debug.contains(TOKEN),
            "{debug}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_replaced_before_they_end_and_credentials_are_followed() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("a");
    cloud.azure.tokens_live(Duration::from_secs(3));
    let provider = federated(&cloud);
    let end = tokio::time::Instant::now() + Duration::from_secs(5);
    while tokio::time::Instant::now() < end {
        provider.generate(&context("a")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(cloud.azure.expired_tokens(), 0, "no call was made with a token that had ended");
    let tokens = cloud.azure.tokens();
    assert!((2..=4).contains(&tokens), "{tokens} tokens in 5 seconds, each good for 3");

    // Who is not trusted any more loses the keys with the last token.
    cloud.azure.distrust_all();
    let refused = tests::eventually_ok("the login is refused", Duration::from_secs(10), async || {
        match provider.generate(&context("a")).await {
            Err(ProviderError::Refused { cause, .. }) => Ok(cause),
            other => Err(format!("{:?}", other.map(drop))),
        }
    });
    let cause = refused.await;
    assert!(cause.starts_with("failed to log in: invalid_client") && !cause.contains(TOKEN), "{cause}");
    cloud.azure.trust("the-next-token");
    assert_eq!(provider.reload(), (false, None));
    cloud.file("token", "the-next-token\n");
    assert_eq!(provider.reload(), (true, None));
    provider.generate(&context("a")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_withdrawn_is_replaced() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("a");
    let provider = cloud.provider();
    provider.generate(&context("a")).await.unwrap();
    // A token so new is not what a denial is about.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    cloud.azure.withdraw_tokens();
    provider.generate(&context("a")).await.unwrap();
    assert_eq!((cloud.azure.tokens(), cloud.azure.expired_tokens()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_token_says_no_or_not_now() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("a");
    for (status, body, expected) in [
        (
            401,
            r#"{"error": "invalid_client", "error_description": "AADSTS7000222: expired."}"#,
            Outcome::Refused,
        ),
        (400, r#"{"error": "unauthorized_client"}"#, Outcome::Refused),
        (429, r#"{"error": "temporarily_unavailable"}"#, Outcome::Unavailable),
        (500, "<html>", Outcome::Unavailable),
        (302, "", Outcome::Unavailable),
        (200, "{}", Outcome::Unavailable),
    ] {
        cloud
            .azure
            .answer(move |request| request.path.ends_with("/token").then(|| HttpAnswer::text(status, body)));
        let error = cloud.provider().generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), expected, "{body}: {error}");
        assert!(error.cause().starts_with("failed to log in: "), "{error}");
    }
    cloud.azure.pass();
    let changes: [fn(&mut AzureSettings); 3] = [
        |settings| "other".clone_into(&mut settings.credentials.tenant),
        |settings| "other".clone_into(&mut settings.credentials.client),
        |settings| "https://managedhsm.azure.net".clone_into(&mut settings.audience),
    ];
    for change in changes {
        let error = cloud.with(change).generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Refused, "{error}");
        assert!(error.cause().contains("AADSTS"), "{error}");
    }
    cloud.file("secret", "\n");
    let error = cloud.provider().generate(&context("a")).await.map(drop).unwrap_err();
    assert_eq!(outcome(&error), Outcome::Unavailable, "{error}");
}
