//! The `KafkaUser` as whom the proxies connect to brokers.

use std::fmt;

use kube::core::DynamicObject;

use super::field::{Field, ParseError};
use super::kafka::Kafka;
use super::object::Object;
use super::state::KafkaState;

/// What we read of a `KafkaUser`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaUser {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The Kafka cluster that it says it belongs to.
    pub cluster: Option<String>,
    /// How it shows who it is; a user may have rights and quotas only.
    pub authentication: Option<UserAuth>,
    /// How it is.
    pub state: KafkaState,
    /// Its name in Kafka.
    pub username: Option<String>,
    /// The Secret with its credentials.
    pub secret: Option<String>,
}

/// How a user shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAuth {
    /// By a certificate that Strimzi issues.
    Tls,
    /// By a certificate from elsewhere.
    TlsExternal,
    /// By a password, with SCRAM-SHA-512.
    ScramSha512,
}

/// Where the proxies find what to log in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Entries [`Credentials::CERTIFICATE`] and [`Credentials::KEY`] of a Secret. Its `ca.crt` is no use: it is the
    /// authority of clients.
    Tls {
        /// The Secret.
        secret: String,
    },
    /// The entry [`Credentials::PASSWORD`] of a Secret.
    ScramSha512 {
        /// The Secret.
        secret: String,
        /// The name to log in with, which is not in the Secret.
        username: String,
    },
}

/// Why the proxies cannot connect as a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserProblem {
    /// It is a user of another Kafka cluster.
    #[error(
        "KafkaUser {user} has no label strimzi.io/cluster: {kafka}; add it, or name a user of that cluster"
    )]
    OtherCluster {
        /// The user.
        user: String,
        /// The Kafka cluster that was wanted.
        kafka: String,
    },
    /// It has no credentials.
    #[error("KafkaUser {user} has no authentication; set spec.authentication.type to tls or scram-sha-512")]
    NoAuthentication {
        /// The user.
        user: String,
    },
    /// Strimzi does not have its credentials.
    #[error(
        "KafkaUser {user} has authentication tls-external, so there is no Secret with its certificate; \
         set spec.authentication.type to tls or scram-sha-512"
    )]
    External {
        /// The user.
        user: String,
    },
    /// Strimzi has not made its credentials. Those that were known before still hold.
    #[error("KafkaUser {user} has no credentials in its status yet; see its conditions{}", said(state))]
    NotReady {
        /// The user.
        user: String,
        /// How it is.
        state: KafkaState,
    },
}

impl KafkaUser {
    /// What the proxies of a Kafka cluster log in with. Both the Secret and the name come from status: the User
    /// Operator may have a prefix for the one, and makes the other.
    pub fn credentials(&self, kafka: &Kafka) -> Result<Credentials, UserProblem> {
        let user = || self.name.clone();
        if self.namespace != kafka.namespace || self.cluster.as_ref() != Some(&kafka.name) {
            return Err(UserProblem::OtherCluster { user: user(), kafka: kafka.name.clone() });
        }
        let not_ready = || UserProblem::NotReady { user: user(), state: self.state.clone() };
        let secret = || self.secret.clone().ok_or_else(not_ready);
        match self.authentication {
            None => Err(UserProblem::NoAuthentication { user: user() }),
            Some(UserAuth::TlsExternal) => Err(UserProblem::External { user: user() }),
            Some(UserAuth::Tls) => Ok(Credentials::Tls { secret: secret()? }),
            Some(UserAuth::ScramSha512) => {
                let username = self.username.clone().ok_or_else(not_ready)?;
                Ok(Credentials::ScramSha512 { secret: secret()?, username })
            }
        }
    }
}

impl TryFrom<&DynamicObject> for KafkaUser {
    type Error = ParseError;

    fn try_from(object: &DynamicObject) -> Result<Self, ParseError> {
        let object = Object::from(object);
        Ok(Self {
            name: object.name()?,
            namespace: object.namespace()?,
            cluster: object.cluster(),
            authentication: UserAuth::parse(&object.spec.get("authentication")?)?,
            state: KafkaState::parse(&object.status)?,
            username: object.status.get("username")?.owned()?,
            secret: object.status.get("secret")?.owned()?,
        })
    }
}

impl UserAuth {
    fn parse(authentication: &Field<'_>) -> Result<Option<Self>, ParseError> {
        if !authentication.is_present() {
            return Ok(None);
        }
        let kind = authentication.get("type")?;
        match kind.require(kind.text()?)? {
            "tls" => Ok(Some(Self::Tls)),
            "tls-external" => Ok(Some(Self::TlsExternal)),
            "scram-sha-512" => Ok(Some(Self::ScramSha512)),
            _ => Err(kind.wrong("must be tls, tls-external or scram-sha-512")),
        }
    }
}

impl fmt::Display for UserAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "tls",
            Self::TlsExternal => "tls-external",
            Self::ScramSha512 => "scram-sha-512",
        })
    }
}

impl Credentials {
    /// The entry of a Secret with a client's certificate.
    pub const CERTIFICATE: &str = "user.crt";
    /// The entry of a Secret with the key of that certificate.
    pub const KEY: &str = "user.key";
    /// The entry of a Secret with a password.
    pub const PASSWORD: &str = "password";

    /// The Secret, in the namespace of the Kafka cluster.
    pub fn secret(&self) -> &str {
        match self {
            Self::Tls { secret } | Self::ScramSha512 { secret, .. } => secret,
        }
    }
}

/// What Strimzi says about it, for the end of a message.
fn said(state: &KafkaState) -> String {
    match state {
        KafkaState::NotReady { reason, message } => format!(" ({reason}: {message})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
