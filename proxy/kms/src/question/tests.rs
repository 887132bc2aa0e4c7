use std::future::pending;

use proxy_crypto::testing::Heard;

use super::testing::context;
use super::*;

#[tokio::test(start_paused = true)]
async fn each_request_has_its_line() {
    let (heard, context) = (Heard::on_this_thread(), context());
    let question = Question::about(&context, b"wrapped");
    let answered = async {
        tokio::time::advance(Duration::from_millis(7)).await;
        Ok::<_, ProviderError>(5)
    };
    assert_eq!(question.request(Purpose::CheckBinding, answered).await, Ok(5));
    let denied = async { Err::<(), _>(ProviderError::refused(&context, "no")) };
    question.request(Purpose::IsDeleted, denied).await.unwrap_err();
    let told = heard.of("keyProviderRequest");
    assert_eq!(told.len(), 2);
    for (field, value) in [
        ("cluster", "cluster"),
        ("provider", "provider"),
        ("key", "key"),
        ("operation", "checkBinding"),
        ("outcome", "ok"),
        ("milliseconds", "7"),
        ("data_key", &data_key_id(b"wrapped")),
    ] {
        assert_eq!(told[0][field], value, "{field}");
    }
    assert!(!told[0].contains_key("cause"));
    assert_eq!((&*told[1]["operation"], &*told[1]["outcome"]), ("isDeleted", "refused"));
    assert_eq!(told[1]["cause"], "no");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_has_its_line_too() {
    let (heard, context) = (Heard::on_this_thread(), context());
    let silent = Question::of(&context).request(Purpose::Login, pending::<Result<(), ProviderError>>());
    assert!(tokio::time::timeout(Duration::from_secs(1), silent).await.is_err());
    let told = heard.of("keyProviderRequest");
    assert_eq!(told.len(), 1);
    assert_eq!((&*told[0]["operation"], &*told[0]["outcome"]), ("login", "unavailable"));
    assert_eq!(
        (&*told[0]["cause"], &*told[0]["milliseconds"]),
        ("given up before there was an answer", "1000")
    );
    assert!(!told[0].contains_key("data_key"));
}
