//! The certificates of one Kafka cluster under a clock of the tests' own, seen by clients that verify with rustls.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{self, CertificateDer, UnixTime};
use tokio_rustls::rustls::{RootCertStore, sign::CertifiedKey};

use super::*;

mod contents;
mod damage;
mod life;
mod properties;
mod renewal;

const HOST: &str = "k-encryption-bootstrap.kafka.svc";

const fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn names(names: &[&str]) -> ServerNames {
    ServerNames::new(names).unwrap()
}

/// What the API server holds, and the clock.
#[derive(Clone)]
struct World {
    authority: Option<BTreeMap<String, ByteString>>,
    server: Option<BTreeMap<String, ByteString>>,
    bundle: Option<String>,
    names: ServerNames,
    validity: Validity,
    now: Timestamp,
}

impl World {
    fn empty() -> Self {
        Self {
            authority: None,
            server: None,
            bundle: None,
            names: names(&[HOST, "10.1.2.3"]),
            validity: Validity::default(),
            now: "2026-11-25T10:20:30.123456Z".parse().unwrap(),
        }
    }

    /// A cluster that has its first certificates.
    fn new() -> Self {
        let mut world = Self::empty();
        world.step();
        world
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            kafka: "k",
            names: &self.names,
            validity: &self.validity,
            renew_authority: false,
            renew_server: false,
        }
    }

    fn try_step(&mut self, change: impl FnOnce(&mut Wanted<'_>)) -> Result<Plan, Error> {
        let mut wanted = self.wanted();
        change(&mut wanted);
        let current = Current {
            authority: self.authority.as_ref(),
            server: self.server.as_ref(),
            bundle: self.bundle.as_deref(),
        };
        let plan = plan(&current, &wanted, self.now)?;
        self.authority = Some(plan.authority.applied_to(self.authority.as_ref()));
        self.server = Some(plan.server.applied_to(self.server.as_ref()));
        self.bundle = Some(plan.bundle.clone());
        Ok(plan)
    }

    fn step(&mut self) -> Plan {
        self.try_step(|_| {}).unwrap()
    }

    fn step_renewing_authority(&mut self) -> Plan {
        self.try_step(|wanted| wanted.renew_authority = true).unwrap()
    }

    fn step_after(&mut self, time: SignedDuration) -> Plan {
        self.now += time;
        self.step()
    }

    fn authority(&mut self) -> &mut BTreeMap<String, ByteString> {
        self.authority.as_mut().unwrap()
    }

    fn server(&mut self) -> &mut BTreeMap<String, ByteString> {
        self.server.as_mut().unwrap()
    }

    fn authority_entries(&self) -> Vec<&str> {
        self.authority.iter().flatten().map(|(entry, _)| entry.as_str()).collect()
    }

    /// What the proxies present.
    fn presented(&self) -> String {
        text(self.server.as_ref().unwrap(), "tls.crt")
    }

    /// Whether a client with that bundle accepts what the proxies present.
    fn accepted_with(&self, bundle: &str) -> bool {
        accepts(bundle, &self.presented(), HOST, self.now)
    }
}

fn text(data: &BTreeMap<String, ByteString>, entry: &str) -> String {
    String::from_utf8(data[entry].0.clone()).unwrap()
}

fn put(data: &mut BTreeMap<String, ByteString>, entry: &str, text: impl Into<String>) {
    data.insert(entry.to_owned(), ByteString(text.into().into_bytes()));
}

/// Whether a client accepts a server certificate.
fn accepts(bundle: &str, presented: &str, host: &str, at: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), default_provider().into());
    let presented = CertificateDer::from_pem_slice(presented.as_bytes()).unwrap();
    let host = pki_types::ServerName::try_from(host).unwrap();
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at.as_second().try_into().unwrap()));
    verifier.build().unwrap().verify_server_cert(&presented, &[], &host, &[], at).is_ok()
}

fn reasons(plan: &Plan) -> Vec<&'static str> {
    plan.events.iter().map(Event::reason).collect()
}

fn server_reason(plan: &Plan) -> Option<ServerReason> {
    plan.events.iter().find_map(|event| match event {
        Event::IssuedServerCertificate { reason, .. } => Some(*reason),
        _ => None,
    })
}

fn changes_nothing(plan: &Plan) -> bool {
    plan.authority.is_empty() && plan.server.is_empty() && plan.events.is_empty()
}
