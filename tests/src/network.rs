//! Where clients run: in the machine's network, or in that of a Kubernetes.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::scratch::Scratch;

/// The names that there are in this machine's network, those of brokers that have names instead of ports among them.
const HOSTS: &str = "127.0.0.1 localhost kafka.names.test b-0.names.test b-1.names.test b-2.names.test\n";
/// What these brokers' names end with.
const DOMAIN: &str = ".names.test";
/// In a namespace of the program's own, so that nobody else sees these hosts.
const WITH_HOSTS: &str = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";

static ENTRANCE: OnceLock<Vec<String>> = OnceLock::new();

/// From now on all clients of this process are started by these words, which lead into another network.
pub(crate) fn enter(words: &[String]) {
    let entered = ENTRANCE.get_or_init(|| words.to_vec());
    assert_eq!(entered, words, "the clients of one process are all in one network");
}

/// Whether clients run in another network than this process.
pub(crate) fn is_entered() -> bool {
    ENTRANCE.get().is_some()
}

/// A program that runs there.
pub(crate) fn command(program: &str) -> Command {
    match ENTRANCE.get().map(Vec::as_slice) {
        Some([entrance, words @ ..]) => {
            let mut command = Command::new(entrance);
            command.args(words).arg(program);
            command
        }
        _ => Command::new(program),
    }
}

/// The names as a file in the form of `/etc/hosts`.
pub(crate) fn write_hosts(folder: &Scratch) -> PathBuf {
    let hosts = folder.join("hosts");
    std::fs::write(&hosts, HOSTS).expect("the folder is ours");
    hosts
}

/// Whether a client with these words needs names that the machine does not have.
pub(crate) fn has_names(words: &[String]) -> bool {
    !is_entered() && words.iter().any(|word| word.contains(DOMAIN))
}

/// The same program where all names are known, whichever way its library asks for them. The folder must last as long.
pub(crate) fn with_hosts(program: &Command, folder: &Scratch) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--", "sh", "-c", WITH_HOSTS]).arg(write_hosts(folder));
    command.arg(program.get_program()).args(program.get_args());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}
