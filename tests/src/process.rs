//! A child process in a group of its own, whose output goes to a file and which the reaper knows.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::reaper;

/// A running child. Dropped, it is killed with everything that it started.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts the command with its output and errors appended to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> io::Result<Self> {
        let out = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        Self::spawn(name, command, log)
    }

    /// Starts the command with pipes for its input and output; its errors are appended to `log`.
    pub fn start_piped(
        name: &str,
        mut command: Command,
        log: &Path,
    ) -> io::Result<(Self, ChildStdin, ChildStdout)> {
        let errors = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut process = Self::spawn(name, command, log)?;
        let input = process.child.stdin.take().expect("its input is a pipe");
        let output = process.child.stdout.take().expect("its output is a pipe");
        Ok((process, input, output))
    }

    fn spawn(name: &str, mut command: Command, log: &Path) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        reaper::adopt_group(child.id());
        Ok(Self { name: name.to_owned(), child, log: log.to_owned(), ended: None })
    }

    /// The process id, which is also the number of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("the child is ours to wait for");
            if self.ended.is_some() {
                reaper::release_group(self.id());
            }
        }
        self.ended
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal("TERM", false);
    }

    /// Stops it where it is (SIGSTOP), so that it answers nobody.
    pub fn pause(&self) {
        self.signal("STOP", false);
    }

    /// Lets it go on (SIGCONT).
    pub fn unpause(&self) {
        self.signal("CONT", false);
    }

    /// Kills it and all that it started (SIGKILL).
    pub fn kill(&mut self) -> ExitStatus {
        self.signal("KILL", true);
        self.wait(Duration::from_secs(10)).expect("nothing survives SIGKILL")
    }

    /// Waits for its end. `None` when it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            match self.ended() {
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                ended => return ended,
            }
        }
    }

    /// Resident memory in bytes; 0 once it has ended.
    pub fn resident_bytes(&self) -> u64 {
        self.status_kib("VmRSS:") * 1024
    }

    /// The most memory that was ever resident, in bytes.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_kib("VmHWM:") * 1024
    }

    /// Its open file descriptors.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).map_or(0, Iterator::count)
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The last `lines` of what it wrote, under a heading, for failure messages.
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<&str> = log.lines().collect();
        let tail = all[all.len().saturating_sub(lines)..].join("\n");
        format!("---- last lines of {} ({})\n{tail}\n----", self.name, self.log.display())
    }

    fn signal(&self, signal: &str, group: bool) {
        if self.ended.is_none() {
            let target = if group { format!("-{}", self.id()) } else { self.id().to_string() };
            let script = "kill -s \"$0\" -- \"$1\" 2>/dev/null";
            Command::new("sh").args(["-c", script, signal, &target]).status().expect("sh runs");
        }
    }

    fn status_kib(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill();
        }
    }
}

/// How a process ended, in words.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "an unknown end".to_owned(),
    }
}
