//! All authorities of a Kafka cluster: the one that issues, its successor, and those that clients still trust.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;

use super::authority::Authority;
use super::certificate::{Certificate, read_bundle};
use super::entries::{self, Entries};
use super::error::Error;
use super::event::{AuthorityReason, Event};
use super::validity::{Validity, later};
use super::{Wanted, pem};
use crate::secret_text::{SecretChanges, SecretText};

pub(super) struct Authorities {
    issuing: Option<Authority>,
    next: Option<Next>,
    old: Vec<Old>,
}

/// A successor that does not issue yet.
struct Next {
    authority: Authority,
    /// Since when clients get it.
    published_at: Option<Timestamp>,
}

/// An authority that no longer issues.
struct Old {
    /// The middle of its entries' names.
    label: String,
    certificate: Certificate,
    replaced_at: Option<Timestamp>,
}

impl Authorities {
    pub(super) fn read(current: Option<&BTreeMap<String, ByteString>>) -> Result<Self, Error> {
        let entries = Entries(current);
        let next = Authority::read(entries, entries::NEXT_CERTIFICATE, entries::NEXT_KEY)?;
        let published_at = entries.time(entries::NEXT_PUBLISHED_AT);
        let mut old = Vec::new();
        for label in entries.old() {
            let entry = entries::old_certificate(label);
            let Some(text) = entries.text(&entry)? else { continue };
            old.push(Old {
                certificate: Certificate::read(&text).map_err(|problem| Error::entry(&entry, problem))?,
                replaced_at: entries.time(&entries::old_replaced_at(label)),
                label: label.to_owned(),
            });
        }
        Ok(Self {
            issuing: Authority::read(entries, entries::CERTIFICATE, entries::KEY)?,
            next: next.map(|authority| Next { authority, published_at }),
            old,
        })
    }

    /// Drops old authorities that no server certificate in use is from any more. One whose time is unknown, or lies ahead
    /// of the clock, counts from now.
    pub(super) fn retire(&mut self, validity: &Validity, now: Timestamp, events: &mut Vec<Event>) {
        for old in &mut self.old {
            old.replaced_at = Some(old.replaced_at.map_or(now, |time| time.min(now)));
        }
        self.old.retain(|old| {
            let kept = old.leaves_at(validity).is_none_or(|time| now < time);
            if !kept {
                events.push(Event::RetiredAuthority { entry: entries::old_certificate(&old.label) });
            }
            kept
        });
    }

    /// The overlap begins (again) where clients do not get the successor yet.
    pub(super) fn publish(&mut self, bundle: Option<&str>, now: Timestamp) {
        let Some(next) = &mut self.next else { return };
        let seen =
            bundle.is_some_and(|bundle| read_bundle(bundle).contains(next.authority.certificate().der()));
        let since = next.published_at.filter(|time| seen && *time <= now);
        next.published_at = Some(since.unwrap_or(now));
    }

    /// Makes an authority, lets the successor issue, or makes a successor. Tells who issues then.
    pub(super) fn advance(
        &mut self,
        wanted: &Wanted<'_>,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<&Authority, Error> {
        let validity = wanted.validity;
        // An expired successor would only be switched to in order to be replaced.
        let next = self.next.take().filter(|next| now < next.authority.certificate().not_after());
        let had_one = self.issuing.is_some();
        let issuing = self.issuing.take().filter(|issuing| now < issuing.certificate().not_after());
        // What is under way or was just done fulfils a request.
        let requested = wanted.renew_authority && issuing.is_some() && next.is_none();

        let (issuing, next) = match (issuing, next) {
            (Some(issuing), Some(next)) if next.switch_at(validity) <= now => {
                self.replace(issuing, now);
                (switched(next, events), None)
            }
            (None, Some(next)) if next.authority.certificate().is_valid_at(now) => {
                (switched(next, events), None)
            }
            (Some(issuing), next) => (issuing, next),
            (None, next) => {
                let issuing = Authority::issue(wanted.kafka, validity.authority(), now)?;
                let reason = if had_one { AuthorityReason::Expired } else { AuthorityReason::Missing };
                events.push(Event::IssuedAuthority { reason, not_after: issuing.certificate().not_after() });
                (issuing, next)
            }
        };
        let due = validity.renew_authority_at(issuing.certificate().not_after()) <= now;
        self.next = match next {
            None if due => Some(Next::issue(wanted, AuthorityReason::Due, now, events)?),
            None if requested => Some(Next::issue(wanted, AuthorityReason::Requested, now, events)?),
            next => next,
        };
        Ok(self.issuing.insert(issuing))
    }

    /// Keeps the authority for those clients and proxies that have not seen its successor at work.
    fn replace(&mut self, authority: Authority, now: Timestamp) {
        let certificate = authority.into_certificate();
        let date = entries::date_label(certificate.not_after());
        let taken = |label: &String| self.old.iter().any(|old| old.label == *label);
        let numbered = (2_u32..).map(|n| format!("{date}-{n}"));
        let label = std::iter::once(date.clone()).chain(numbered).find(|label| !taken(label));
        let label = label.unwrap_or(date);
        self.old.push(Old { label, certificate, replaced_at: Some(now) });
    }

    /// When something falls due.
    pub(super) fn due(&self, validity: &Validity) -> impl Iterator<Item = Timestamp> {
        let issuing = self.issuing.as_ref().map(|issuing| issuing.certificate().not_after());
        let step = match &self.next {
            Some(next) => Some(next.switch_at(validity)),
            None => issuing.map(|end| validity.renew_authority_at(end)),
        };
        let old = self.old.iter().filter_map(|old| old.leaves_at(validity));
        let due: Vec<_> = issuing.into_iter().chain(step).chain(self.next_end()).chain(old).collect();
        due.into_iter()
    }

    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.next.as_ref().map(|next| next.authority.certificate().not_after())
    }

    /// All certificates, oldest first. Written anew from what was read, so that nothing else of a text gets out.
    pub(super) fn bundle(&self) -> String {
        let present = self.issuing.iter().chain(self.next.iter().map(|next| &next.authority));
        let present = present.map(Authority::certificate);
        let mut all: Vec<_> = self.old.iter().map(|old| &old.certificate).chain(present).collect();
        all.sort_by_key(|certificate| (certificate.not_before(), certificate.not_after(), certificate.der()));
        all.dedup_by_key(|certificate| certificate.der());
        all.into_iter()
            .map(|certificate| pem::encode(pem::CERTIFICATE, certificate.der()).to_string())
            .collect()
    }

    pub(super) fn changes(&self, current: Option<&BTreeMap<String, ByteString>>) -> SecretChanges {
        let mut wanted = BTreeMap::new();
        let mut put = |entry: &str, text: SecretText| wanted.insert(entry.to_owned(), text);
        if let Some(issuing) = &self.issuing {
            put(entries::CERTIFICATE, issuing.certificate().text().clone());
            put(entries::KEY, issuing.key_text().clone());
        }
        if let Some(next) = &self.next {
            put(entries::NEXT_CERTIFICATE, next.authority.certificate().text().clone());
            put(entries::NEXT_KEY, next.authority.key_text().clone());
            next.published_at.map(|time| put(entries::NEXT_PUBLISHED_AT, SecretText::new(time.to_string())));
        }
        for old in &self.old {
            put(&entries::old_certificate(&old.label), old.certificate.text().clone());
            let time = old.replaced_at;
            time.map(|time| put(&entries::old_replaced_at(&old.label), SecretText::new(time.to_string())));
        }
        Entries(current).changes(wanted, entries::is_of_authority)
    }
}

impl Next {
    fn issue(
        wanted: &Wanted<'_>,
        reason: AuthorityReason,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<Self, Error> {
        let authority = Authority::issue(wanted.kafka, wanted.validity.authority(), now)?;
        let next = Self { authority, published_at: Some(now) };
        events.push(Event::PublishedNextAuthority {
            reason,
            not_after: next.authority.certificate().not_after(),
            switch_at: next.switch_at(wanted.validity),
        });
        Ok(next)
    }

    /// When it issues: when clients had time to fetch it, and accept its dates.
    fn switch_at(&self, validity: &Validity) -> Timestamp {
        let fetched = self.published_at.map_or(Timestamp::MAX, |time| later(time, validity.overlap()));
        fetched.max(self.authority.certificate().not_before())
    }
}

impl Old {
    fn leaves_at(&self, validity: &Validity) -> Option<Timestamp> {
        self.replaced_at.map(|time| later(time, validity.overlap()).min(self.certificate.not_after()))
    }
}

fn switched(next: Next, events: &mut Vec<Event>) -> Authority {
    let not_after = next.authority.certificate().not_after();
    events.push(Event::SwitchedAuthority { not_after });
    next.authority
}
