//! Where clients run: in the machine's network, or in that of a Kubernetes.

use std::process::Command;
use std::sync::OnceLock;

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
