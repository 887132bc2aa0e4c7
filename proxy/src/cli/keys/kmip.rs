//! Settings of KMIP servers.

use super::{Look, Provider, path};
use crate::poll::Seen;
use proxy_config::KmipProvider;
use proxy_crypto::ProviderName;
use proxy_kms::{Kmip, KmipSettings};
use std::sync::Arc;

pub(super) fn open(name: &ProviderName, provider: &KmipProvider) -> (Provider, Look) {
    let kmip = Arc::new(Kmip::new(name.clone(), settings(provider)));
    let look = Arc::clone(&kmip);
    (kmip, Box::new(move || look_at(&look)))
}

fn look_at(kmip: &Kmip) -> Seen {
    let (changed, problem) = kmip.reload();
    Seen { changed, problem: problem.map(|problem| problem.to_string()) }
}

fn settings(provider: &KmipProvider) -> KmipSettings {
    KmipSettings {
        host: provider.address.host().to_string(),
        port: provider.address.port(),
        ca: path(&provider.tls.ca_file),
        certificate: path(&provider.tls.certificate_file),
        key: path(&provider.tls.key_file),
        fetch_keys: provider.fetch_keys,
    }
}
