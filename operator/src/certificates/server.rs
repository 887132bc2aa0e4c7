//! The server certificate. Whatever is wrong with it, a new one is made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;

use super::Wanted;
use super::authority::Authority;
use super::certificate::Certificate;
use super::client;
use super::entries::{Entries, SERVER_CERTIFICATE, SERVER_KEY};
use super::error::Error;
use super::event::{Event, ServerReason};
use super::private_key::PrivateKey;
use super::validity::{CLOCK_SKEW, later};
use crate::secret_text::SecretChanges;

pub(super) struct Server {
    certificate: Certificate,
    key: PrivateKey,
}

impl Server {
    /// Keeps the certificate that is there as long as it does.
    pub(super) fn keep_or_issue(
        current: Option<&BTreeMap<String, ByteString>>,
        issuing: &Authority,
        wanted: &Wanted<'_>,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<Self, Error> {
        let kept = Self::read(Entries(current)).and_then(|server| {
            match server.outdated(issuing.certificate(), wanted, now) {
                None => Ok(server),
                Some(reason) => Err(reason),
            }
        });
        let reason = match kept {
            Ok(server) => return Ok(server),
            Err(reason) => reason,
        };
        let (certificate, key) =
            issuing.issue_server(wanted.kafka, wanted.names, wanted.validity.server(), now)?;
        events.push(Event::IssuedServerCertificate { reason, not_after: certificate.not_after() });
        Ok(Self { certificate, key })
    }

    fn read(entries: Entries<'_>) -> Result<Self, ServerReason> {
        let text = |entry| match entries.text(entry) {
            Ok(text) => text.ok_or(ServerReason::Missing),
            Err(_) => Err(ServerReason::Unreadable),
        };
        let certificate =
            Certificate::read(&text(SERVER_CERTIFICATE)?).map_err(|_| ServerReason::Unreadable)?;
        let key = PrivateKey::read(&text(SERVER_KEY)?).map_err(|_| ServerReason::Unreadable)?;
        Ok(Self { certificate, key })
    }

    fn outdated(&self, authority: &Certificate, wanted: &Wanted<'_>, now: Timestamp) -> Option<ServerReason> {
        let certificate = &self.certificate;
        if !self.key.fits(certificate) {
            Some(ServerReason::OtherKey)
        } else if !certificate.is_issued_by(authority) {
            Some(ServerReason::OtherAuthority)
        } else if !certificate.names().is_some_and(|names| wanted.names.are(&names)) {
            Some(ServerReason::OtherNames)
        } else if !certificate.is_valid_at(now) {
            Some(ServerReason::NotValid)
        } else if !client::accepts(authority, certificate, wanted.names, now) {
            Some(ServerReason::Refused)
        } else if self.renew_at(authority.not_after()).is_some_and(|due| due <= now) {
            Some(ServerReason::Due)
        } else if wanted.renew_server {
            Some(ServerReason::Requested)
        } else {
            None
        }
    }

    /// When a third of its life is left; never if another from the same authority would end no later.
    fn renew_at(&self, authority_end: Timestamp) -> Option<Timestamp> {
        let end = self.certificate.not_after();
        let life = end.duration_since(later(self.certificate.not_before(), CLOCK_SKEW));
        (end < authority_end).then(|| later(end, -(life / 3)))
    }

    /// When something falls due.
    pub(super) fn due(&self, authority_end: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.renew_at(authority_end).into_iter().chain([self.not_after()])
    }

    pub(super) fn not_after(&self) -> Timestamp {
        self.certificate.not_after()
    }

    pub(super) fn changes(&self, current: Option<&BTreeMap<String, ByteString>>) -> SecretChanges {
        let wanted = BTreeMap::from([
            (SERVER_CERTIFICATE.to_owned(), self.certificate.text().clone()),
            (SERVER_KEY.to_owned(), self.key.text().clone()),
        ]);
        Entries(current).changes(wanted, |_| false)
    }
}
