//! Keys that make pseudonyms.

use super::*;

/// As the test provider wraps.
const WRAPPED: [u8; 33] = [1; 33];

async fn pseudonym(keys: &Keys, topic: &str) -> Result<Vec<u8>, ProviderError> {
    let pseudonyms = keys.pseudonyms("kms", "k", &WRAPPED, topic).await?;
    let mut out = Vec::new();
    pseudonyms.start().write(b"key", &mut out).unwrap();
    Ok(out)
}

#[tokio::test(start_paused = true)]
async fn processes_agree_and_ask_once_for_all_topics() {
    let (keys, provider) = keys(limits());
    let made = pseudonym(&keys, "t").await.unwrap();
    assert_eq!(pseudonym(&keys, "t").await.unwrap(), made);
    assert_ne!(pseudonym(&keys, "u").await.unwrap(), made);
    assert_eq!(read(&provider.unwrapped), 1);
    assert_eq!(pseudonym(&another(&provider, limits()), "t").await.unwrap(), made);
    let other = keys.pseudonyms("kms", "k", &[2; 33], "t").await.unwrap();
    let mut out = Vec::new();
    other.start().write(b"key", &mut out).unwrap();
    assert_ne!(out, made);
}

#[tokio::test(start_paused = true)]
async fn derived_keys_are_kept_for_a_bounded_number_of_topics() {
    let (keys, provider) = keys(limits());
    let first = keys.pseudonyms("kms", "k", &WRAPPED, "t").await.unwrap();
    let again = keys.pseudonyms("kms", "k", &WRAPPED, "t").await.unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    for topic in 0..2000 {
        keys.pseudonyms("kms", "k", &WRAPPED, &topic.to_string()).await.unwrap();
    }
    let later = keys.pseudonyms("kms", "k", &WRAPPED, "t").await.unwrap();
    assert!(!Arc::ptr_eq(&first, &later));
    assert_eq!(read(&provider.unwrapped), 1);
}

#[tokio::test(start_paused = true)]
async fn revocation_stops_pseudonyms_and_outage_does_so_later() {
    let (keys, provider) = keys(limits());
    let made = pseudonym(&keys, "t").await.unwrap();
    provider.set(Mood::Unavailable);
    tokio::time::advance(59 * MINUTE).await;
    assert_eq!(pseudonym(&keys, "t").await.unwrap(), made);
    provider.set(Mood::Refusing);
    pass_pause().await;
    assert!(is_refused(&pseudonym(&keys, "t").await));
    provider.set(Mood::Well);
    pass_pause().await;
    assert_eq!(pseudonym(&keys, "t").await.unwrap(), made);
    provider.set(Mood::Unavailable);
    tokio::time::advance(60 * MINUTE).await;
    assert!(is_unavailable(&pseudonym(&keys, "t").await));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_of_this_provider_makes_none() {
    let (keys, _) = keys(limits());
    let short = keys.pseudonyms("kms", "k", &WRAPPED[1..], "t").await;
    assert!(matches!(short, Err(ProviderError::Corrupt { .. })));
    assert!(is_refused(&keys.pseudonyms("other", "k", &WRAPPED, "t").await));
}

/// The pace is for keys that whoever writes to brokers may make up.
#[tokio::test(start_paused = true)]
async fn keys_of_stored_records_do_not_hold_up_pseudonyms() {
    let (keys, provider) = keys(KeyLimits { calls_per_second: 1, ..limits() });
    for _ in 0..2 {
        let header = header(&provider).await;
        keys.unwrap(&EnvelopeHeader::parse(&header).unwrap(), "t").await.unwrap();
    }
    let start = tokio::time::Instant::now();
    pseudonym(&keys, "t").await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}
