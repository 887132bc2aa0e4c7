//! What `awsKms` may say.

use std::path::Path;

use crate::name::KeyName;
use crate::proxy::ProxyConfig;

use super::super::KeyProvider;
use super::*;

fn config(provider: &str) -> Result<ProxyConfig, String> {
    let text = format!(
        "
cluster: my-cluster
upstream: {{bootstrapServers: [127.0.0.1:19092]}}
listeners:
  - {{name: plain, bind: 127.0.0.1:29092, advertisedHost: 127.0.0.1, brokerPorts: {{start: 29100}}}}
keyProviders:
  default: {{awsKms: {provider}}}
policy: {{file: policy.yaml}}
"
    );
    ProxyConfig::parse(&text, Path::new("/etc/proxy")).map_err(|errors| errors.to_string())
}

fn aws(provider: &str) -> AwsKmsProvider {
    let config = config(provider).unwrap();
    let again = ProxyConfig::parse(&config.to_yaml(), Path::new("/etc/proxy")).unwrap();
    assert_eq!(again, config, "{}", config.to_yaml());
    match &config.key_providers["default"] {
        KeyProvider::AwsKms(aws) => (**aws).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_region_is_enough() {
    let least = AwsKmsProvider {
        region: "eu-central-1".to_owned(),
        endpoint: None,
        fips: false,
        credentials: AwsKmsCredentials::Default,
        assume_role: None,
        tls: None,
    };
    assert_eq!(aws("{region: eu-central-1}"), least);
    assert_eq!(aws("{region: eu-central-1, fips: false, credentials: {default: true}}"), least);
}

#[test]
fn everything_is_read() {
    let all = aws("{
      region: us-gov-west-1,
      endpoint: 'https://vpce-1.kms.us-gov-west-1.vpce.amazonaws.com',
      credentials: {files: {accessKeyIdFile: id, secretAccessKeyFile: /run/secret, sessionTokenFile: token}},
      assumeRole: {
        roleArn: 'arn:aws-us-gov:iam::111122223333:role/kafka/proxy',
        externalId: team-a,
        sessionName: proxy-1,
        endpoint: 'https://sts.example:8443'
      },
      tls: {caFile: ca.crt}
    }");
    assert!(all.endpoint.unwrap().starts_with("https://vpce-1."));
    let AwsKmsCredentials::Files { access_key_id_file, secret_access_key_file, session_token_file } =
        all.credentials
    else {
        panic!("they are in files")
    };
    assert_eq!(access_key_id_file.as_path(), Path::new("/etc/proxy/id"));
    assert_eq!(secret_access_key_file.as_path(), Path::new("/run/secret"));
    assert_eq!(session_token_file.unwrap().as_path(), Path::new("/etc/proxy/token"));
    let role = all.assume_role.unwrap();
    assert_eq!((role.external_id.as_deref(), role.session_name.as_str()), (Some("team-a"), "proxy-1"));
    assert_eq!(role.endpoint.as_deref(), Some("https://sts.example:8443"));
    assert_eq!(all.tls.unwrap().ca_file.as_path(), Path::new("/etc/proxy/ca.crt"));

    let identity = aws("{region: us-east-1, credentials: {webIdentity: {
        roleArn: 'arn:aws:iam::111122223333:role/a', tokenFile: token, endpoint: 'https://sts.example'
    }}}")
    .credentials;
    let AwsKmsCredentials::WebIdentity(identity) = identity else { panic!("it is a web identity") };
    assert_eq!(identity.token_file.as_path(), Path::new("/etc/proxy/token"));
    assert_eq!(identity.session_name, "topic-encryption-proxy");

    assert!(aws("{region: us-east-1, fips: true}").fips);
    let role =
        aws("{region: us-east-1, assumeRole: {roleArn: 'arn:aws:iam::111122223333:role/a'}}").assume_role;
    assert_eq!(role.unwrap().session_name, "topic-encryption-proxy");
}

#[test]
fn a_rule_may_name_a_key_by_its_arn() {
    for name in ["payments", "alias/payments", "arn:aws:kms:eu-central-1:111122223333:alias/payments"] {
        assert_eq!(KeyName::new(name).unwrap().as_str(), name);
    }
}

#[test]
fn refuses_what_is_mistaken() {
    let at = "keyProviders.default.awsKms";
    for (provider, expected) in [
        ("{}", ".region: is required"),
        ("{region: EU}", ".region: must be a region such as eu-central-1, not \"EU\""),
        (
            "{region: a.evil.example}",
            ".region: must be a region such as eu-central-1, not \"a.evil.example\"",
        ),
        (
            "{region: a, endpoint: 'http://kms.example'}",
            ".endpoint: must be https://HOST or https://HOST:PORT (http:// for 127.0.0.1, [::1] and localhost only), not \"http://kms.example\"",
        ),
        ("{region: a, fips: 1}", ".fips: must be true or false, not a number"),
        (
            "{region: a, fips: true, endpoint: 'https://kms.example'}",
            ".endpoint: must be left out with fips, which chooses AWS's own",
        ),
        (
            "{region: a, endpoint: 'http://localhost:1', tls: {caFile: a}}",
            ".tls: must be left out with an endpoint without TLS",
        ),
        ("{region: a, tls: {}}", ".tls.caFile: is required"),
        (
            "{region: a, credentials: {}}",
            ".credentials: must have exactly one of default, webIdentity, files",
        ),
        (
            "{region: a, credentials: {default: true, files: {accessKeyIdFile: a, secretAccessKeyFile: b}}}",
            ".credentials: must have exactly one of default, webIdentity, files",
        ),
        ("{region: a, credentials: {default: false}}", ".credentials.default: must be true"),
        (
            "{region: a, credentials: {files: {accessKeyIdFile: a}}}",
            ".credentials.files.secretAccessKeyFile: is required",
        ),
        (
            "{region: a, credentials: {webIdentity: {tokenFile: token}}}",
            ".credentials.webIdentity.roleArn: is required",
        ),
        (
            "{region: a, credentials: {webIdentity: {roleArn: 'arn:aws:iam::111122223333:role/a'}}}",
            ".credentials.webIdentity.tokenFile: is required",
        ),
        ("{region: a, assumeRole: {}}", ".assumeRole.roleArn: is required"),
        (
            "{region: a, assumeRole: {roleArn: role/a}}",
            ".assumeRole.roleArn: must be the ARN of a role such as arn:aws:iam::111122223333:role/kafka-proxy, not \"role/a\"",
        ),
        (
            "{region: a, assumeRole: {roleArn: 'arn:aws:iam::111122223333:role/a', externalId: a}}",
            ".assumeRole.externalId: must have 2 to 1224 of letters, digits and _+=,.@:/-, not \"a\"",
        ),
        (
            "{region: a, assumeRole: {roleArn: 'arn:aws:iam::111122223333:role/a', sessionName: a b}}",
            ".assumeRole.sessionName: must have 2 to 64 of letters, digits and _+=,.@-, not \"a b\"",
        ),
    ] {
        assert_eq!(config(provider).unwrap_err(), format!("{at}{expected}"));
    }
}
