//! How far a long command is: shown to people on a terminal, and to nobody else.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tests::{Payload, Proxy, Rig, Scratch, topic};
use tokio::time::timeout;

use super::audit::produce;
use super::{PATIENCE, Ran, config, text, tool};

/// What removes a line from a terminal.
const CLEARED: &str = "\u{1b}[2K";

/// A terminal: the end of a program, and the other one.
fn terminal() -> (OwnedFd, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (theirs, File::from(ours))
}

/// Runs a command whose standard error is a terminal; gives what came there.
async fn on_terminal(arguments: &[&str]) -> (Ran, String) {
    Rig::ready().await;
    let (theirs, mut ours) = terminal();
    let mut command = tool(arguments);
    command.env("TERM", "xterm").stdout(Stdio::piped()).stderr(theirs);
    let child = command.spawn().unwrap();
    // Its end is the program's alone, so that reading ends with it.
    drop(command);
    let seen = tokio::task::spawn_blocking(move || {
        let mut seen = Vec::new();
        // Linux says with an error that nobody has the other end any more.
        let _ended = ours.read_to_end(&mut seen);
        String::from_utf8_lossy(&seen).into_owned()
    });
    let ran = timeout(PATIENCE, child.wait_with_output()).await.expect("the program ends by itself").unwrap();
    (Ran::of(ran), seen.await.unwrap())
}

/// Commands that take long, on a topic of their own.
struct Long {
    folder: Scratch,
    config: String,
    source: String,
    target: String,
}

impl Long {
    async fn new(proxy: &Proxy) -> Self {
        let (source, target) = (topic("batch.progress"), topic("batch.progress-copy"));
        for topic in [&source, &target] {
            tests::Cluster::shared().await.create_topic(topic, 1, &[]).await;
        }
        produce(proxy.bootstrap(), &source, &Payload::new(31).random(32, 64 * 1024)).await;
        Self { folder: Scratch::new("progress"), config: config(proxy), source, target }
    }

    fn audit(&self) -> Vec<String> {
        ["audit", "--output", "json", "--topic", &self.source, "--config", &self.config]
            .map(str::to_owned)
            .into()
    }

    fn copy(&self) -> Vec<String> {
        let state = text(self.folder.join("state"));
        let topics = ["copy", "--topic", &self.source, "--to", &self.target];
        topics
            .iter()
            .chain(&["--config", &self.config, "--state", &state])
            .map(|&word| word.to_owned())
            .collect()
    }
}

/// Whether anything of a bar is in a text.
fn is_drawn(text: &str) -> bool {
    text.contains('\u{1b}') || text.contains("%  ")
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_is_drawn_on_a_terminal_and_removed_in_the_end() {
    let long = Long::new(Proxy::shared().await).await;
    for (command, name) in [(long.audit(), "audit"), (long.copy(), "copy")] {
        let (ran, seen) = on_terminal(&words(&command)).await;
        let ran = ran.ends(0);
        assert!(seen.contains(&format!("{name} ")) && seen.contains("%  "), "{name}: {seen:?}");
        assert!(seen.contains(&long.source), "it tells where it is: {seen:?}");
        let (_, left) = seen.rsplit_once(CLEARED).unwrap_or_else(|| panic!("{name}: {seen:?}"));
        assert!(!is_drawn(left), "{name}: {left:?}");
        assert!(!ran.out.contains('\u{1b}'), "the report has nothing of it: {}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_drawn_elsewhere_or_where_it_is_not_wanted() {
    let long = Long::new(Proxy::shared().await).await;
    for command in [long.audit(), long.copy()] {
        let piped = super::run(&words(&command)).await.ends(0);
        assert!(!is_drawn(&piped.errors), "{:?}", piped.errors);
        let (ran, seen) = on_terminal(&[&words(&command)[..], &["--quiet"]].concat()).await;
        ran.ends(0);
        assert!(!is_drawn(&seen), "{seen:?}");
    }
}
