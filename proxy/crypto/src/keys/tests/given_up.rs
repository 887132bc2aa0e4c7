//! Calls that nobody waits for any more are in the audit log like all others.

use super::*;
use crate::testing::Heard;

const CALL: &str = "keyProviderCall";

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_has_its_line() {
    let heard = Heard::on_this_thread();
    let (keys, provider) = keys(limits());
    let header = header(&provider).await;
    let before = heard.of(CALL).len();

    provider.set(Mood::Silent);
    let trial = tokio::spawn({
        let keys = Arc::clone(&keys);
        async move { keys.verify("kms", "k").await }
    });
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), keys.unwrap(&envelope, "t")).await.is_err());
    trial.abort();
    assert!(trial.await.unwrap_err().is_cancelled());
    let of_trial = heard.of(CALL).split_off(before);
    assert_eq!(of_trial.len(), 1, "the other goes on: {of_trial:?}");
    drop(keys);
    settle().await;

    let calls = heard.of(CALL).split_off(before);
    let told = |field| calls.iter().map(move |line| line.get(field).map_or("", String::as_str));
    assert_eq!(told("operation").collect::<Vec<_>>(), ["generate", "unwrap"]);
    assert_eq!(told("topics").collect::<Vec<_>>(), ["", "name t"]);
    assert!(told("outcome").all(|outcome| outcome == "unavailable"));
    assert!(told("cause").all(|cause| cause == "given up before there was an answer"));
    assert!(calls[1].contains_key("data_key"));
    assert_eq!(calls[1]["milliseconds"], "1000");
    provider.set(Mood::Well);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_has_one_line() {
    let heard = Heard::on_this_thread();
    let (keys, provider) = keys(limits());
    keys.verify("kms", "k").await.unwrap();
    provider.set(Mood::Silent);
    assert!(is_unavailable(&keys.verify("kms", "k").await));
    let calls = heard.of(CALL);
    let told: Vec<_> = calls.iter().map(|line| (&*line["operation"], &*line["outcome"])).collect();
    assert_eq!(told, [("generate", "ok"), ("unwrap", "ok"), ("generate", "unavailable")]);
    assert!(calls[2]["cause"].starts_with("no answer within"));
}
