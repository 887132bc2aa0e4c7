//! AWS KMS.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::VolumeProjection;
use k8s_openapi::api::networking::v1::NetworkPolicyEgressRule;
use operator_api::{AwsCredentials, AwsKmsProvider};
use serde_json::{Value, json};

use super::{HTTPS, authorities, block, port, secret, token, way};

/// Where EKS Pod Identity's agent listens on every node.
const POD_IDENTITY_AGENT: [&str; 2] = ["169.254.170.23/32", "fd00:ec2::23/128"];
/// Where an instance asks for its role.
const INSTANCE_METADATA: [&str; 2] = ["169.254.169.254/32", "fd00:ec2::254/128"];
const HTTP: u16 = 80;

pub(super) fn settings(aws: &AwsKmsProvider, directory: &str) -> Value {
    let file = |name: &str| format!("{directory}/{name}");
    let mut settings = json!({"region": aws.region});
    if let Some(endpoint) = &aws.endpoint {
        settings["endpoint"] = json!(endpoint);
    }
    if aws.fips {
        settings["fips"] = json!(true);
    }
    match &aws.credentials {
        Some(AwsCredentials { web_identity: Some(identity), .. }) => {
            let mut identity_settings = json!({"roleArn": identity.role_arn, "tokenFile": file("token")});
            if let Some(endpoint) = &identity.sts_endpoint {
                identity_settings["endpoint"] = json!(endpoint);
            }
            settings["credentials"] = json!({"webIdentity": identity_settings});
        }
        Some(AwsCredentials { access_key: Some(key), .. }) => {
            let mut files = json!({
                "accessKeyIdFile": file("access-key-id"), "secretAccessKeyFile": file("secret-access-key"),
            });
            if key.session_token {
                files["sessionTokenFile"] = json!(file("session-token"));
            }
            settings["credentials"] = json!({"files": files});
        }
        // What the SDK finds in the pod.
        Some(AwsCredentials { .. }) | None => {}
    }
    if let Some(role) = &aws.assume_role {
        let mut role_settings = json!({"roleArn": role.role_arn});
        if let Some(id) = &role.external_id {
            role_settings["externalId"] = json!(id);
        }
        if let Some(endpoint) = &role.sts_endpoint {
            role_settings["endpoint"] = json!(endpoint);
        }
        settings["assumeRole"] = role_settings;
    }
    if aws.tls.is_some() {
        settings["tls"] = json!({"caFile": file("ca.crt")});
    }
    settings
}

pub(super) fn files(aws: &AwsKmsProvider) -> Vec<VolumeProjection> {
    let mut sources = Vec::new();
    match &aws.credentials {
        Some(AwsCredentials { web_identity: Some(identity), .. }) => sources.push(token(&identity.audience)),
        Some(AwsCredentials { access_key: Some(key), .. }) => {
            let entries = ["access-key-id", "secret-access-key", "session-token"];
            let entries = if key.session_token { &entries[..] } else { &entries[..2] };
            sources.push(secret(&key.secret_ref, entries));
        }
        Some(AwsCredentials { .. }) | None => {}
    }
    if let Some(tls) = &aws.tls {
        sources.extend(authorities(tls.ca_config_map_ref.as_ref(), tls.ca_secret_ref.as_ref()));
    }
    sources
}

pub(super) fn egress(aws: &AwsKmsProvider) -> Vec<NetworkPolicyEgressRule> {
    let identity = aws.credentials.as_ref().and_then(|credentials| credentials.web_identity.as_ref());
    let sts = [
        identity.map(|identity| &identity.sts_endpoint),
        aws.assume_role.as_ref().map(|role| &role.sts_endpoint),
    ];
    // Without a role of its own a provider may still have one by the webhook, and so need STS.
    let sts =
        if aws.credentials.is_none() { sts.into_iter().chain([Some(&None)]).collect() } else { sts.to_vec() };
    let ports = sts.into_iter().flatten().chain([&aws.endpoint]);
    let ports: BTreeSet<u16> = ports.map(|address| address.as_deref().map_or(HTTPS, port)).collect();
    let local = match &aws.credentials {
        None => Some(POD_IDENTITY_AGENT),
        Some(AwsCredentials { instance: Some(_), .. }) => Some(INSTANCE_METADATA),
        Some(_) => None,
    };
    let local = local.map(|addresses| way(&addresses.map(block), [HTTP]));
    [way(&aws.network_policy_peers, ports)].into_iter().chain(local).collect()
}
