use kube::core::Status;
use serde_json::json;

use super::*;

fn api(code: u16, message: &str) -> kube::Error {
    let status: Status =
        serde_json::from_value(json!({"status": "Failure", "code": code, "message": message})).unwrap();
    kube::Error::Api(Box::new(status))
}

fn applied(kind: &str, code: u16, message: &str) -> Failure {
    let (kind, name) = (kind.to_owned(), "it".to_owned());
    Failure::of(&Error::Apply(apply::Error::Apply { kind, name, source: Box::new(api(code, message)) }))
}

#[test]
fn what_the_server_says_of_a_secret_that_it_refuses_is_not_repeated() {
    let failure = applied("Secret", 422, "Invalid value: \"hunter2\"");
    assert_eq!(
        failure.message,
        "failed to apply Secret it: the API server answered 422; correct template or the other settings of the \
         EncryptionProxy. It is tried again"
    );
    assert!(applied("Service", 422, "Invalid value: 7").message.contains("Invalid value: 7"));
}

#[test]
fn what_may_pass_by_itself_is_told_apart() {
    for (code, lasts) in
        [(403, true), (404, true), (422, true), (409, false), (429, false), (500, false), (503, false)]
    {
        assert_eq!(applied("Service", code, "").lasts, lasts, "{code}");
    }
}

#[test]
fn long_words_are_cut() {
    assert!(applied("Service", 400, &"x".repeat(5000)).message.len() < 1000);
}
