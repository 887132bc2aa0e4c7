//! An application that runs beside the brokers until the test ends it.

use std::path::Path;
use std::process::Command;

use tests::process::{Process, describe};
use tests::{Rig, Scratch};

/// A running application, with a folder of its own. Dropped, it is killed.
pub(crate) struct Application {
    process: Process,
}

impl Application {
    /// Starts one of those that the rig has, under a name. Its log and what it unpacks go to the folder.
    pub(crate) async fn start(program: &str, name: &str, arguments: &[&str], folder: &Scratch) -> Self {
        let mut command = Command::new(Rig::ready().await.part("APPLICATION"));
        command.arg(program).args(arguments).env("APPLICATION_TMP", folder.path());
        let log = folder.join(format!("{name}.log"));
        Self { process: start(name, command, &log) }
    }

    /// Kills it without warning.
    pub(crate) fn kill(&mut self) {
        self.is_running();
        self.process.kill();
    }

    /// Stops the test, with the end of the log, where the application has ended by itself.
    pub(crate) fn is_running(&mut self) {
        if let Some(status) = self.process.ended() {
            panic!("it ended with {}\n{}", describe(status), self.log_tail());
        }
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    pub(crate) fn log_tail(&self) -> String {
        self.process.log_tail(40)
    }
}

fn start(name: &str, command: Command, log: &Path) -> Process {
    Process::start(name, command, log).unwrap_or_else(|error| panic!("{name} does not start: {error}"))
}
