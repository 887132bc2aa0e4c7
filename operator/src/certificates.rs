//! The certificates that the operator makes itself: an authority for each Kafka cluster, and the server certificate of its
//! proxies.
//!
//! A pure state machine. What it must remember stands in the Secret of the authority, in entries that people can read:
//!
//! | entry | content |
//! | --- | --- |
//! | `ca.crt`, `ca.key` | the authority that issues |
//! | `next-ca.crt`, `next-ca.key` | the one that will issue; clients get its certificate already |
//! | `next-ca.published-at` | since when they get it |
//! | `old-ca-DATE.crt`, `old-ca-DATE.replaced-at` | one that issued until then, still trusted; the date is its end |
//!
//! An authority is replaced in steps, so that no client is cut off that fetches the bundle at least once in the *overlap*:
//! its successor is first only published, issues after the overlap, and the old one stays in the bundle for another overlap.
//! Whoever applies a [`Plan`] writes the authority's Secret first, then the bundle, then the server's Secret. The overlap
//! counts from when the bundle that clients really got had the successor in it.
//!
//! Not done here: a private key of an authority that cannot be read is never replaced, since it may be the only copy; the
//! error says what a person can do. Who deletes the Secret gets a new authority at once, without overlap.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;

use crate::secret_text::SecretChanges;
use authorities::Authorities;
use server::Server;

pub use error::{Error, Problem};
pub use event::{AuthorityReason, Event, ServerReason};
pub use names::{NamesError, ServerNames};
pub(crate) use pem::certificates_only;
pub use validity::{Validity, ValidityError};

mod authorities;
mod authority;
mod certificate;
mod client;
mod entries;
mod error;
mod event;
mod names;
mod pem;
mod private_key;
mod server;
mod validity;

/// What is there.
#[derive(Clone, Copy, Default)]
pub struct Current<'a> {
    /// Data of the Secret `K-encryption-ca`.
    pub authority: Option<&'a BTreeMap<String, ByteString>>,
    /// Data of the Secret `K-encryption-tls`.
    pub server: Option<&'a BTreeMap<String, ByteString>>,
    /// The bundle as clients get it now: entry `ca.crt` of `K-encryption-ca-cert`.
    pub bundle: Option<&'a str>,
}

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Name of the `Kafka` resource.
    pub kafka: &'a str,
    /// Names of the server.
    pub names: &'a ServerNames,
    /// How long certificates last.
    pub validity: &'a Validity,
    /// Somebody asks for a new authority. The request ends with the plan: its mark is removed in the same write.
    pub renew_authority: bool,
    /// Somebody asks for a new server certificate; ends as the other does.
    pub renew_server: bool,
}

/// What is to be written, and what happened.
#[derive(Debug)]
pub struct Plan {
    /// Changes of `K-encryption-ca`.
    pub authority: SecretChanges,
    /// Changes of `K-encryption-tls`.
    pub server: SecretChanges,
    /// All that clients are to trust, oldest first.
    pub bundle: String,
    /// When something falls due if nothing changes before.
    pub look_again: Timestamp,
    /// What happened, in order. Empty if nothing is to be changed but the bundle.
    pub events: Vec<Event>,
    /// For metrics.
    pub expiry: Expiry,
}

/// Ends of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// Of the authority that issues.
    pub authority: Timestamp,
    /// Of its successor, while that is only published.
    pub next_authority: Option<Timestamp>,
    /// Of the server certificate.
    pub server: Timestamp,
}

/// Decides what the Secrets are to hold at this moment. With its own result and an unchanged clock it changes nothing.
pub fn plan(current: &Current<'_>, wanted: &Wanted<'_>, now: Timestamp) -> Result<Plan, Error> {
    let mut events = Vec::new();
    let mut authorities = Authorities::read(current.authority)?;
    authorities.retire(wanted.validity, now, &mut events);
    authorities.publish(current.bundle, now);
    let issuing = authorities.advance(wanted, now, &mut events)?;
    let authority_end = issuing.certificate().not_after();
    let server = Server::keep_or_issue(current.server, issuing, wanted, now, &mut events)?;
    let due = authorities.due(wanted.validity).chain(server.due(authority_end));
    Ok(Plan {
        look_again: due.min().unwrap_or(authority_end).max(soon(now)),
        authority: authorities.changes(current.authority),
        server: server.changes(current.server),
        bundle: authorities.bundle(),
        events,
        expiry: Expiry {
            authority: authority_end,
            next_authority: authorities.next_end(),
            server: server.not_after(),
        },
    })
}

/// The least time until the next look.
fn soon(now: Timestamp) -> Timestamp {
    validity::later(now, jiff::SignedDuration::from_secs(1))
}

#[cfg(test)]
mod tests;
