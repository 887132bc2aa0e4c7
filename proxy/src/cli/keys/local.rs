//! Keys in files.

use super::{Look, Provider, path};
use crate::poll::Seen;
use proxy_config::ConfigPath;
use proxy_crypto::{LocalKeys, ProviderName};
use std::sync::Arc;

pub(super) fn open(name: &ProviderName, directory: &ConfigPath) -> (Provider, Look) {
    let local = Arc::new(LocalKeys::open(path(directory), name.clone()));
    let look = Arc::clone(&local);
    (local, Box::new(move || look_at(&look)))
}

fn look_at(local: &LocalKeys) -> Seen {
    let changed = local.reload();
    let status = local.status();
    let files = status.problems.iter().map(|problem| format!("{}: {}", problem.file, problem.cause));
    let problems: Vec<String> = status.directory.into_iter().chain(files).collect();
    Seen { changed, problem: (!problems.is_empty()).then(|| problems.join("; ")) }
}
