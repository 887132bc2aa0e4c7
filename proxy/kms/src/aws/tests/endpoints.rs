//! Which servers are called.

use std::sync::{Arc, Mutex};

use aws_sdk_kms::config::SharedHttpClient;
use aws_sdk_kms::config::http::HttpRequest;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::shared::IntoShared as _;
use proxy_crypto::testing::Heard;

use super::super::settings::{AwsCredentials, AwsRole, AwsSettings, AwsWebIdentity};
use super::super::{DataKeySpec, quietly};
use crate::question::testing::context;

/// Calls nobody, and keeps whom it should have called.
#[derive(Debug, Clone, Default)]
struct Called(Arc<Mutex<Vec<String>>>);

impl HttpClient for Called {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.clone().into_shared()
    }
}

impl HttpConnector for Called {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.lock().unwrap().push(request.uri().to_owned());
        HttpConnectorFuture::ready(Err(ConnectorError::io("nobody is called".into())))
    }
}

/// Where the first call for a data key goes.
async fn first(region: &str, fips: bool, change: impl FnOnce(&mut AwsSettings)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        path
    };
    let mut settings = AwsSettings {
        region: region.to_owned(),
        endpoint: None,
        fips,
        credentials: AwsCredentials::Files {
            access_key_id: file("id"),
            secret_access_key: file("secret"),
            session_token: None,
        },
        role: None,
        ca: None,
    };
    change(&mut settings);
    if let AwsCredentials::WebIdentity(identity) = &mut settings.credentials {
        identity.token = file("token");
    }
    let (called, heard) = (Called::default(), Heard::on_this_thread());
    let client = settings.connect_by(SharedHttpClient::new(called.clone())).await.unwrap();
    let call = client.generate_data_key().key_id("alias/a").key_spec(DataKeySpec::Aes256);
    assert!(quietly(&context(), call.send()).await.is_err(), "nobody is called");
    let called = called.0.lock().unwrap();
    let logins = heard.of("keyProviderRequest");
    assert!(logins.iter().all(|line| line["operation"] == "login" && line["outcome"] == "unavailable"));
    let asked = called.iter().filter(|address| address.contains("//sts")).count();
    assert_eq!(logins.len(), asked, "each request for credentials has a line: {called:?}");
    called.first().expect("somebody was to be called").trim_end_matches('/').to_owned()
}

fn role(settings: &mut AwsSettings) {
    settings.role = Some(AwsRole {
        arn: "arn:aws:iam::111122223333:role/proxy".to_owned(),
        external_id: None,
        session_name: "proxy".to_owned(),
        endpoint: None,
    });
}

fn identity(settings: &mut AwsSettings) {
    settings.credentials = AwsCredentials::WebIdentity(AwsWebIdentity {
        role_arn: "arn:aws:iam::111122223333:role/proxy".to_owned(),
        token: "token".into(),
        session_name: "proxy".to_owned(),
        endpoint: None,
    });
}

#[tokio::test]
async fn validated_cryptography_has_endpoints_of_its_own() {
    for (region, fips, kms, sts) in [
        ("us-east-1", false, "https://kms.us-east-1.amazonaws.com", "https://sts.us-east-1.amazonaws.com"),
        (
            "us-east-1",
            true,
            "https://kms-fips.us-east-1.amazonaws.com",
            "https://sts-fips.us-east-1.amazonaws.com",
        ),
        (
            "us-west-2",
            true,
            "https://kms-fips.us-west-2.amazonaws.com",
            "https://sts-fips.us-west-2.amazonaws.com",
        ),
        (
            "us-gov-west-1",
            true,
            "https://kms-fips.us-gov-west-1.amazonaws.com",
            "https://sts.us-gov-west-1.amazonaws.com",
        ),
    ] {
        assert_eq!(first(region, fips, |_| {}).await, kms);
        assert_eq!(first(region, fips, role).await, sts, "a role is taken on there");
        assert_eq!(first(region, fips, identity).await, sts, "a token is shown there");
    }
}
