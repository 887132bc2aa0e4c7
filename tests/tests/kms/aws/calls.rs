//! What is sent, and as whom.

use proxy_crypto::{KeyName, KmsContext, ProviderError};
use proxy_kms::{AwsRole, AwsWebIdentity};
use serde_json::json;
use tests::kms::{HttpRequest, sts_error};

use super::super::contract::context;
use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/proxy";

fn parameter<'a>(text: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let rest = text.split_once(&open).unwrap_or_else(|| panic!("{open} is in {text}")).1;
    rest.split_once(&close).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_signed_for_the_region_and_carry_the_context() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    let provider = aws.provider();
    let (dek, wrapped) = provider.generate(&context("a")).await.unwrap();
    assert!(provider.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    let requests = aws.front.take_requests();
    let operations: Vec<_> = requests.iter().map(HttpRequest::operation).collect();
    assert_eq!(operations, [Some("GenerateDataKey"), Some("Decrypt")]);
    for request in &requests {
        let [key, day, rest @ ..] = &request.scope()[..] else { panic!("{request:?}") };
        assert_eq!((*key, rest), (KEY_ID, &[AWS_REGION, "kms", "aws4_request"][..]));
        assert!(request.headers["x-amz-date"].starts_with(day));
        assert_eq!(request.headers["x-amz-security-token"], TOKEN);
        let parameters = request.json();
        assert_eq!(parameters["KeyId"], "alias/a");
        let bound = json!({"cluster": "my-cluster", "provider": "team-kms", "key": "a"});
        assert_eq!(parameters["EncryptionContext"], bound);
    }
    assert_eq!(requests[0].json()["KeySpec"], "AES_256");
    let debug = format!("{provider:?}");
    assert!(!debug.contains(SECRET) && !debug.contains(TOKEN), "{debug}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_hold() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    moto.query("iam", "Action=CreateUser&Version=2010-05-08&UserName=proxy").await;
    let key = moto.query("iam", "Action=CreateAccessKey&Version=2010-05-08&UserName=proxy").await;
    let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22kms%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D";
    let put = "Action=PutUserPolicy&Version=2010-05-08&UserName=proxy&PolicyName=kms&PolicyDocument=";
    moto.query("iam", &format!("{put}{policy}")).await;
    aws.file("id", parameter(&key, "AccessKeyId"));
    let secret = parameter(&key, "SecretAccessKey").to_owned();
    let own = |settings: &mut AwsSettings| {
        let AwsCredentials::Files { session_token, .. } = &mut settings.credentials else { unreachable!() };
        *session_token = None;
    };
    moto.authenticate(true).await;
    aws.file("secret", &secret);
    let (dek, wrapped) = aws.with(own).generate(&context("a")).await.unwrap();
    assert!(aws.with(own).unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    // So it does look at them.
    aws.file("secret", SECRET);
    let error = aws.with(own).unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert!(!error.to_string().contains(SECRET), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_by_alias_id_and_arn() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    let id = moto.make_key("a").await;
    let provider = aws.provider();
    let arn = format!("arn:aws:kms:{AWS_REGION}:123456789012:key/{id}");
    for name in ["a", "alias/a", &id, &arn] {
        let context = KmsContext { key: KeyName::new(name).unwrap(), ..context("a") };
        let (dek, wrapped) = provider.generate(&context).await.unwrap();
        assert!(provider.unwrap(&context, wrapped.as_bytes()).await.unwrap().same_as(&dek), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_account_go_by_their_arns() {
    const OTHER: &str = "999999999999";
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    let made = moto.kms_of(OTHER, "CreateKey", json!({})).await;
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap();
    assert!(arn.contains(OTHER), "{arn}");
    let context = KmsContext { key: KeyName::new(arn).unwrap(), ..context("a") };
    // By a role of that account. The stand-in has accounts, but no key policies.
    let provider = aws.with(|settings| {
        settings.role = Some(AwsRole {
            arn: format!("arn:aws:iam::{OTHER}:role/payments-key"),
            external_id: None,
            session_name: "proxy-1".to_owned(),
            endpoint: Some(aws.endpoint()),
        });
    });
    let (dek, wrapped) = provider.generate(&context).await.unwrap();
    assert!(provider.unwrap(&context, wrapped.as_bytes()).await.unwrap().same_as(&dek));
    // By that account's key policy: the account stays one's own, and the ARN is sent as it is.
    aws.front.take_requests();
    aws.front.answer(|request| {
        let message =
            "User: arn:aws:iam::123456789012:role/proxy is not authorized to perform this on that resource";
        request.operation().map(|_| kms_error(400, "AccessDeniedException", message))
    });
    let denied = aws.provider().unwrap(&context, wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert!(matches!(denied, ProviderError::Refused { .. }), "{denied}");
    let [call] = &aws.front.take_requests()[..] else { panic!("one call, and none to STS") };
    assert_eq!((call.scope()[0], &call.json()["KeyId"]), (KEY_ID, &json!(arn)));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_files_are_followed() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    aws.front.answer(|request| {
        let unknown = request.scope().first() == Some(&KEY_ID);
        unknown.then(|| kms_error(400, "UnrecognizedClientException", "The token is invalid."))
    });
    let provider = aws.provider();
    let answer = provider.generate(&context("a")).await;
    assert!(matches!(answer, Err(ProviderError::Refused { .. })), "credentials that the server knows not");
    assert_eq!(provider.reload(), (false, None));
    aws.file("id", "AKIANEW");
    assert_eq!(provider.reload(), (true, None));
    provider.generate(&context("a")).await.unwrap();

    // A file that is not there yet is waited for.
    fs::remove_file(aws.folder.join("secret")).unwrap();
    let provider = aws.provider();
    let answer = provider.generate(&context("a")).await;
    assert!(matches!(answer, Err(ProviderError::Unavailable { .. })), "{:?}", answer.map(drop));
    aws.file("secret", SECRET);
    provider.generate(&context("a")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_pod_stands_for_the_role_that_the_settings_name() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    let token = aws.folder.join("web-token");
    let identity = |settings: &mut AwsSettings| {
        settings.credentials = AwsCredentials::WebIdentity(AwsWebIdentity {
            role_arn: ROLE.to_owned(),
            token: token.clone(),
            session_name: "proxy-1".to_owned(),
            endpoint: Some(aws.endpoint()),
        });
    };
    let provider = aws.with(identity);
    let missing = provider.generate(&context("a")).await.map(drop).unwrap_err();
    assert!(matches!(missing, ProviderError::Unavailable { .. }), "{missing}");
    assert!(missing.to_string().contains("web-token: No such file"), "{missing}");
    aws.file("web-token", "first-token\n");
    for _ in 0..2 {
        provider.generate(&context("a")).await.unwrap();
    }
    let requests = aws.front.take_requests();
    let [login, first, _] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(login.headers.get("authorization"), None, "the token speaks for itself");
    let form = String::from_utf8(login.body.clone()).unwrap();
    let parts = [
        "Action=AssumeRoleWithWebIdentity",
        "WebIdentityToken=first-token&",
        "RoleSessionName=proxy-1",
        "role%2Fproxy",
    ];
    for part in parts {
        assert!(format!("{form}&").contains(part), "{form}");
    }
    assert_ne!(first.scope()[0], KEY_ID);
    assert!(!format!("{provider:?}").contains("first-token"));

    let no_keys = "Couldn't retrieve verification key from your identity provider, please reference it";
    for (code, message, refused) in [
        ("AccessDenied", "No.", true),
        ("ExpiredTokenException", "No.", true),
        ("InvalidIdentityToken", "No OpenIDConnect provider found in your account.", true),
        ("InvalidIdentityToken", no_keys, false),
        ("IDPCommunicationError", "No.", false),
    ] {
        aws.front.answer(move |_| Some(sts_error(400, code, message)));
        let error = aws.with(identity).generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(matches!(error, ProviderError::Refused { .. }), refused, "{code}: {error}");
        assert!(!error.to_string().contains("first-token"), "{error}");
    }
    aws.front.pass();

    // A role of another account, by the first.
    let provider = aws.with(|settings| {
        identity(settings);
        settings.role = Some(AwsRole {
            arn: "arn:aws:iam::999999999999:role/other".to_owned(),
            external_id: None,
            session_name: "proxy-2".to_owned(),
            endpoint: Some(aws.endpoint()),
        });
    });
    aws.front.take_requests();
    let missing = provider.generate(&context("a")).await.map(drop).unwrap_err();
    assert!(missing.to_string().contains("999999999999:alias/a is not found"), "{missing}");
    let forms: Vec<_> = aws.front.take_requests().into_iter().map(|call| call.body).collect();
    let forms: Vec<_> = forms.iter().map(|form| String::from_utf8_lossy(form)).collect();
    let [login, role, _] = &forms[..] else { panic!("{forms:?}") };
    assert!(login.contains("AssumeRoleWithWebIdentity") && role.contains("Action=AssumeRole&"), "{forms:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_taken_on() {
    let moto = Moto::start().await;
    let aws = Aws::before(moto.address()).await;
    moto.make_key("a").await;
    let role = |settings: &mut AwsSettings| {
        settings.role = Some(AwsRole {
            arn: ROLE.to_owned(),
            external_id: Some("team-a".to_owned()),
            session_name: "proxy-1".to_owned(),
            endpoint: Some(aws.endpoint()),
        });
    };
    let provider = aws.with(role);
    for _ in 0..2 {
        provider.generate(&context("a")).await.unwrap();
    }
    let requests = aws.front.take_requests();
    let [sts, first, second] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((sts.scope()[0], sts.scope()[3]), (KEY_ID, "sts"));
    let form = String::from_utf8(sts.body.clone()).unwrap();
    for part in ["Action=AssumeRole", "ExternalId=team-a", "RoleSessionName=proxy-1", "role%2Fproxy"] {
        assert!(form.contains(part), "{form}");
    }
    for call in [first, second] {
        assert_eq!(call.operation(), Some("GenerateDataKey"));
        assert!(call.scope()[0] != KEY_ID && call.headers["x-amz-security-token"] != TOKEN);
    }

    for (status, code, refused) in [
        (403, "AccessDenied", true),
        (403, "ExpiredToken", true),
        (400, "Throttling", false),
        (500, "Other", false),
    ] {
        aws.front.answer(move |_| Some(sts_error(status, code, "No.")));
        let error = aws.with(role).generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(matches!(error, ProviderError::Refused { .. }), refused, "{code}: {error}");
        assert!(!refused || error.to_string().contains(code), "{error}");
    }
}
