//! What the process asks of the kernel. Failing is no reason not to start: a container's runtime may have said it all.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Keeps the memory of this process, which holds keys, out of files: no core dump, no debugger of the same user.
///
/// The limit alone is not enough: the kernel ignores it where it pipes dumps to a program. A process that is not
/// dumpable is never dumped.
pub(super) fn keep_memory_private() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "failed to set the limit for core dumps to zero");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "failed to make the process undumpable");
    }
}

/// Raises the soft limit of open files, often 1024, to the hard one: each client takes two.
pub(super) fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "failed to raise the limit of open files");
    }
}
