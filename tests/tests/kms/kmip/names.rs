//! Names of keys: of which key a name is, in which state, and what that key opens.

use proxy_crypto::{KeyProvider, ProviderError};

use super::super::contract::context;
use super::{Server, said};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_that_of_one_active_key() {
    let server = Server::start().await;
    server.new_key("a").await;
    let provider = server.with(|_| {});
    let (dek, wrapped) = provider.generate(&context("a")).await.unwrap();
    server.kmip.make_key("a").await;
    let error = said(&provider, "a").await;
    assert!(matches!(&error, ProviderError::Refused { cause, .. } if cause.contains("several")), "{error}");
    // What was wrapped names its key by id.
    assert!(provider.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    server.kmip.deactivate(&server.id("a")).await;
    provider.generate(&context("a")).await.unwrap();
    let error = provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert!(
        matches!(error, ProviderError::Refused { .. }),
        "this server decrypts with active keys alone: {error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetched_key_that_is_deactivated_only_decrypts_and_one_that_is_compromised_does_not() {
    let server = Server { fetch_keys: true, ..Server::start().await };
    server.new_key("a").await;
    let provider = server.with(|_| {});
    let (dek, wrapped) = provider.generate(&context("a")).await.unwrap();
    server.kmip.deactivate(&server.id("a")).await;
    assert!(matches!(said(&provider, "a").await, ProviderError::Refused { .. }));
    assert!(provider.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    server.new_key("b").await;
    let (_, wrapped) = provider.generate(&context("b")).await.unwrap();
    server.kmip.compromise(&server.id("b")).await;
    let error = provider.unwrap(&context("b"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert!(matches!(&error, ProviderError::Refused { cause, .. } if cause.contains("state")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_nothing_under_the_name_of_another() {
    let server = Server::start().await;
    server.new_key("a").await;
    // It gets the name a for a while, so that the server wraps with it what is bound to a; it never was in a's group.
    server.new_key("b").await;
    let (older, wrapped_before) = server.with(|_| {}).generate(&context("a")).await.unwrap();
    server.kmip.rename(&server.id("a"), "a.away").await;
    server.kmip.rename(&server.id("b"), "a").await;
    let (dek, wrapped) = server.with(|_| {}).generate(&context("a")).await.unwrap();
    server.kmip.rename(&server.id("b"), "b").await;
    let opened = async |fetch| {
        let provider = server.with(|settings| settings.fetch_keys = fetch);
        provider.unwrap(&context("a"), wrapped.as_bytes()).await
    };
    for fetch in [false, true] {
        let error = opened(fetch).await.map(drop).unwrap_err();
        assert!(
            matches!(&error, ProviderError::Corrupt { cause, .. } if cause.contains("topic-encryption:a")),
            "{error}"
        );
    }
    // The group tells of the key that had the name before.
    let opened_before = server.with(|_| {}).unwrap(&context("a"), wrapped_before.as_bytes()).await;
    assert!(opened_before.unwrap().same_as(&older));
    // It is the name alone that stands in the way.
    server.kmip.rename(&server.id("b"), "a").await;
    assert!(opened(false).await.unwrap().same_as(&dek));
}
