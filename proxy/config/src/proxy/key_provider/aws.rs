//! Keys in AWS KMS.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Serialize, Serializer};

use super::super::read_path;
use super::address::address;
use super::trust::ProviderTrust;
use crate::path::ConfigPath;
use crate::reader::{Field, Fields};

/// AWS Key Management Service in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsKmsProvider {
    /// The region.
    pub region: String,
    /// Another address of KMS than the region's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// AWS's endpoints with validated cryptography.
    pub fips: bool,
    /// As whom to call.
    pub credentials: AwsKmsCredentials,
    /// A role to take on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AwsKmsRole>,
    /// Files for TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ProviderTrust>,
}

/// As whom to call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AwsKmsCredentials {
    /// What the SDK finds where the proxy runs.
    #[default]
    Default,
    /// A role by a signed token.
    WebIdentity(AwsKmsWebIdentity),
    /// An access key in files.
    Files {
        /// File of the access key's id.
        access_key_id_file: ConfigPath,
        /// File of the secret access key.
        secret_access_key_file: ConfigPath,
        /// File of the session's token.
        session_token_file: Option<ConfigPath>,
    },
}

/// A role that a signed token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsKmsWebIdentity {
    /// The role's ARN.
    pub role_arn: String,
    /// File of the token.
    pub token_file: ConfigPath,
    /// What the sessions are called in CloudTrail.
    pub session_name: String,
    /// Another address of STS than the region's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// A role to take on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsKmsRole {
    /// The role's ARN.
    pub role_arn: String,
    /// What the role's owner agreed on with the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What the sessions are called in CloudTrail.
    pub session_name: String,
    /// Another address of STS than the region's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

impl AwsKmsProvider {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["region", "endpoint", "fips", "credentials", "assumeRole", "tls"])?;
        let region = fields.required("region").and_then(|field| field.parsed(region));
        let endpoint = fields.optional("endpoint").map(|field| field.parsed(address));
        let fips = fields.optional("fips").map_or(Some(false), Field::boolean);
        let credentials = fields.optional("credentials").map_or_else(
            || Some(AwsKmsCredentials::Default),
            |field| AwsKmsCredentials::read(field, base_dir),
        );
        let role = fields.optional("assumeRole").map(AwsKmsRole::read);
        let tls = fields.optional("tls").map(|field| ProviderTrust::read(field, base_dir));
        if let (Some(field), Some(true)) = (fields.optional("endpoint"), fips) {
            field.mistake("must be left out with fips, which chooses AWS's own");
        }
        if let (Some(field), Some(Some(endpoint))) = (fields.optional("tls"), endpoint)
            && !endpoint.starts_with("https://")
        {
            field.mistake("must be left out with an endpoint without TLS");
        }
        Some(Self {
            region: region?.to_owned(),
            endpoint: endpoint.map_or(Some(None), |given| given.map(Some))?.map(str::to_owned),
            fips: fips?,
            credentials: credentials?,
            assume_role: role.map_or(Some(None), |given| given.map(Some))?,
            tls: tls.map_or(Some(None), |given| given.map(Some))?,
        })
    }
}

impl AwsKmsCredentials {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["default", "webIdentity", "files"])?;
        let (kind, field) = fields.only()?;
        if kind == "default" {
            return field.truth().map(|()| Self::Default);
        }
        if kind == "webIdentity" {
            return AwsKmsWebIdentity::read(field, base_dir).map(Self::WebIdentity);
        }
        let fields = field.fields(&["accessKeyIdFile", "secretAccessKeyFile", "sessionTokenFile"])?;
        let file = |name| fields.required(name).and_then(|field| read_path(field, base_dir));
        let (id, secret) = (file("accessKeyIdFile"), file("secretAccessKeyFile"));
        let token = fields.optional("sessionTokenFile").map(|field| read_path(field, base_dir));
        Some(Self::Files {
            access_key_id_file: id?,
            secret_access_key_file: secret?,
            session_token_file: token.map_or(Some(None), |given| given.map(Some))?,
        })
    }
}

impl AwsKmsWebIdentity {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["roleArn", "tokenFile", "sessionName", "endpoint"])?;
        let arn = fields.required("roleArn").and_then(|field| field.parsed(role_arn));
        let token_file = fields.required("tokenFile").and_then(|field| read_path(field, base_dir));
        let session = read_session_name(&fields);
        let endpoint = fields.optional("endpoint").map(|field| field.parsed(address));
        Some(Self {
            role_arn: arn?.to_owned(),
            token_file: token_file?,
            session_name: session?,
            endpoint: endpoint.map_or(Some(None), |given| given.map(Some))?.map(str::to_owned),
        })
    }
}

impl AwsKmsRole {
    fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&["roleArn", "externalId", "sessionName", "endpoint"])?;
        let arn = fields.required("roleArn").and_then(|field| field.parsed(role_arn));
        let id = fields.optional("externalId").map(|field| field.parsed(external_id));
        let session = read_session_name(&fields);
        let endpoint = fields.optional("endpoint").map(|field| field.parsed(address));
        Some(Self {
            role_arn: arn?.to_owned(),
            external_id: id.map_or(Some(None), |given| given.map(Some))?.map(str::to_owned),
            session_name: session?,
            endpoint: endpoint.map_or(Some(None), |given| given.map(Some))?.map(str::to_owned),
        })
    }
}

// By hand, since the YAML library writes enums as tags.
impl Serialize for AwsKmsCredentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        #[allow(clippy::struct_field_names, reason = "they are the configuration's")]
        struct Files<'a> {
            access_key_id_file: &'a ConfigPath,
            secret_access_key_file: &'a ConfigPath,
            #[serde(skip_serializing_if = "Option::is_none")]
            session_token_file: Option<&'a ConfigPath>,
        }
        match self {
            Self::Default => serializer.collect_map([("default", true)]),
            Self::WebIdentity(identity) => serializer.collect_map([("webIdentity", identity)]),
            Self::Files { access_key_id_file, secret_access_key_file, session_token_file } => {
                let session_token_file = session_token_file.as_ref();
                let files = Files { access_key_id_file, secret_access_key_file, session_token_file };
                serializer.collect_map([("files", files)])
            }
        }
    }
}

/// It becomes part of a host name.
fn region(text: &str) -> Result<&str, &'static str> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.len() <= 63 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("must be a region such as eu-central-1")
    }
}

fn role_arn(text: &str) -> Result<&str, &'static str> {
    let role = text.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::"));
    let role = role.and_then(|(_, rest)| rest.split_once(":role/"));
    let account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let visible = text.len() <= 2048 && text.bytes().all(|b| b.is_ascii_graphic());
    if visible && role.is_some_and(|(id, name)| account(id) && !name.is_empty()) {
        Ok(text)
    } else {
        Err("must be the ARN of a role such as arn:aws:iam::111122223333:role/kafka-proxy")
    }
}

fn external_id(text: &str) -> Result<&str, &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    if (2..=1224).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("must have 2 to 1224 of letters, digits and _+=,.@:/-")
    }
}

fn read_session_name(fields: &Fields<'_>) -> Option<String> {
    let name = fields.optional("sessionName");
    name.map_or(Some("topic-encryption-proxy"), |field| field.parsed(session_name)).map(str::to_owned)
}

fn session_name(text: &str) -> Result<&str, &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if (2..=64).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("must have 2 to 64 of letters, digits and _+=,.@-")
    }
}
