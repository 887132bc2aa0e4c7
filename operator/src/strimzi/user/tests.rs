use serde_json::json;

use super::super::fixtures::{Edits, kafka, user, user_error};
use super::*;

fn credentials(edits: Edits<'_>) -> Result<Credentials, UserProblem> {
    user(edits).credentials(&kafka(&[]))
}

fn said(edits: Edits<'_>) -> String {
    credentials(edits).unwrap_err().to_string()
}

#[test]
fn a_user_with_a_certificate_has_the_secret_that_its_status_names() {
    let user = user(&[]);
    assert_eq!((user.username.as_deref(), user.authentication), (Some("CN=proxies"), Some(UserAuth::Tls)));
    assert!(user.state.is_ready());
    let expected = Credentials::Tls { secret: "strimzi-proxies".into() };
    assert_eq!(user.credentials(&kafka(&[])), Ok(expected));
}

#[test]
fn a_user_with_a_password_has_its_name_from_status() {
    let scram =
        [("/spec/authentication/type", json!("scram-sha-512")), ("/status/username", json!("proxies"))];
    let expected = Credentials::ScramSha512 { secret: "strimzi-proxies".into(), username: "proxies".into() };
    assert_eq!(credentials(&scram), Ok(expected));
}

#[test]
fn nothing_of_the_secret_but_what_is_the_users_own_is_named() {
    let named = [Credentials::CERTIFICATE, Credentials::KEY, Credentials::PASSWORD];
    assert_eq!(named, ["user.crt", "user.key", "password"]);
}

#[test]
fn a_user_without_credentials_in_status_is_not_ready() {
    let failed = json!({"conditions": [{"type": "NotReady", "status": "True", "reason": "InvalidResource", "message": "no"}]});
    let expected =
        "KafkaUser proxies has no credentials in its status yet; see its conditions (InvalidResource: no)";
    assert_eq!(said(&[("/status", failed)]), expected);
    let nameless = [("/spec/authentication/type", json!("scram-sha-512")), ("/status/username", json!(null))];
    assert!(matches!(credentials(&nameless), Err(UserProblem::NotReady { .. })));
}

#[test]
fn a_failing_user_whose_credentials_are_known_keeps_them() {
    let failed =
        json!([{"type": "NotReady", "status": "True", "reason": "TimeoutException", "message": "waited"}]);
    assert!(credentials(&[("/status/conditions", failed)]).is_ok());
}

#[test]
fn users_that_nobody_can_connect_as_are_refused_with_the_remedy() {
    assert_eq!(
        said(&[("/spec/authentication", json!(null))]),
        "KafkaUser proxies has no authentication; set spec.authentication.type to tls or scram-sha-512"
    );
    let external = [("/spec/authentication/type", json!("tls-external")), ("/status/secret", json!(null))];
    assert_eq!(credentials(&external), Err(UserProblem::External { user: "proxies".into() }));
}

#[test]
fn a_user_of_another_cluster_is_refused() {
    let other = UserProblem::OtherCluster { user: "proxies".into(), kafka: "my-cluster".into() };
    for edit in [
        ("/metadata/labels/strimzi.io~1cluster", json!("theirs")),
        ("/metadata/labels", json!(null)),
        ("/metadata/namespace", json!("elsewhere")),
    ] {
        assert_eq!(credentials(&[edit]), Err(other.clone()));
    }
}

#[test]
fn a_malformed_user_is_an_error_that_names_the_field() {
    let kinds = "spec.authentication.type must be tls, tls-external or scram-sha-512";
    for (pointer, value, expected) in [
        ("/spec/authentication/type", json!("magic"), kinds),
        ("/spec/authentication/type", json!(null), "spec.authentication.type is missing"),
        ("/spec/authentication", json!([]), "spec.authentication must be an object"),
        ("/status/secret", json!({}), "status.secret must be text"),
    ] {
        assert_eq!(user_error(&[(pointer, value)]), expected);
    }
}
