//! Logs of what a failing test used, printed when it fails and not before.

use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

/// Lines of each log.
const LINES: usize = 40;

static LOGS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// From now on a panic prints the last lines of this log, too. Logs of tests that ended are gone, and passed over.
pub(crate) fn show_when_a_test_fails(log: &Path) {
    static HOOK: Once = Once::new();
    LOGS.lock().unwrap_or_else(PoisonError::into_inner).push(log.to_owned());
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            before(panic);
            print();
        }));
    });
}

fn print() {
    let logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for log in logs {
        let Ok(text) = std::fs::read_to_string(&log) else {
            continue;
        };
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(LINES)..].join("\n");
        eprintln!("---- {}\n{tail}\n----", log.display());
    }
}
