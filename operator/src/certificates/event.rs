//! What happened to certificates, for events and logs.

use std::fmt;

use jiff::Timestamp;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A new authority issues at once: clients that do not fetch the bundle again are cut off.
    IssuedAuthority {
        /// Why.
        reason: AuthorityReason,
        /// Its end.
        not_after: Timestamp,
    },
    /// A successor was made; clients get it from now on.
    PublishedNextAuthority {
        /// Why.
        reason: AuthorityReason,
        /// Its end.
        not_after: Timestamp,
        /// When it will issue.
        switch_at: Timestamp,
    },
    /// The successor issues from now on.
    SwitchedAuthority {
        /// Its end.
        not_after: Timestamp,
    },
    /// Clients no longer get this authority.
    RetiredAuthority {
        /// The entry that held it.
        entry: String,
    },
    /// The server has a new certificate.
    IssuedServerCertificate {
        /// Why.
        reason: ServerReason,
        /// Its end.
        not_after: Timestamp,
    },
}

/// Why there is a new authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityReason {
    /// There was none.
    Missing,
    /// The old one ended before a successor could take over.
    Expired,
    /// The end of the old one comes near.
    Due,
    /// Somebody asked.
    Requested,
}

/// Why the server has a new certificate. The first that holds is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerReason {
    /// There was none.
    Missing,
    /// It could not be read.
    Unreadable,
    /// The key is not that of the certificate.
    OtherKey,
    /// The authority that issues did not issue it.
    OtherAuthority,
    /// Its names are not the wanted ones.
    OtherNames,
    /// It is not valid at this time.
    NotValid,
    /// Clients would refuse it for another cause.
    Refused,
    /// Its end comes near.
    Due,
    /// Somebody asked.
    Requested,
}

impl Event {
    /// The reason of a Kubernetes event, and a metric's label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::IssuedAuthority { .. } => "IssuedAuthority",
            Self::PublishedNextAuthority { .. } => "PublishedNextAuthority",
            Self::SwitchedAuthority { .. } => "SwitchedAuthority",
            Self::RetiredAuthority { .. } => "RetiredAuthority",
            Self::IssuedServerCertificate { .. } => "IssuedServerCertificate",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuedAuthority { reason, not_after } => {
                write!(f, "a new authority, valid until {not_after}, issues certificates: {reason}")
            }
            Self::PublishedNextAuthority { reason, not_after, switch_at } => write!(
                f,
                "the next authority, valid until {not_after}, is in the bundle and issues from {switch_at}: {reason}"
            ),
            Self::SwitchedAuthority { not_after } => {
                write!(f, "the next authority, valid until {not_after}, issues certificates now")
            }
            Self::RetiredAuthority { entry } => {
                write!(f, "an authority is no longer in the bundle: {entry} is removed")
            }
            Self::IssuedServerCertificate { reason, not_after } => {
                write!(f, "a new server certificate is valid until {not_after}: {reason}")
            }
        }
    }
}

impl fmt::Display for AuthorityReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there was none",
            Self::Expired => "the old one has expired",
            Self::Due => "the present one expires soon",
            Self::Requested => "it was requested",
        })
    }
}

impl fmt::Display for ServerReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there was none",
            Self::Unreadable => "the old one could not be read",
            Self::OtherKey => "the private key did not fit the old one",
            Self::OtherAuthority => "the old one was not issued by the present authority",
            Self::OtherNames => "the names of the server have changed",
            Self::NotValid => "the old one is not valid at this time",
            Self::Refused => "clients would not have accepted the old one",
            Self::Due => "the old one expires soon",
            Self::Requested => "it was requested",
        })
    }
}
