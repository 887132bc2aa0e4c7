//! What the README tells people to type for a cluster of their own.

use super::command::Failed;
use super::node::Kubernetes;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The section whose first block of commands this is.
const SECTION: &str = "\n## On Kubernetes\n";

/// The commands, in their order.
pub fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(README).unwrap_or_else(|error| panic!("{README}: {error}"));
    let section = text.split(SECTION).nth(1).expect("the README has the section");
    let block = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    block.expect("the section has commands").lines().map(str::to_owned).collect()
}

impl Kubernetes {
    /// Runs a command as somebody would who has the project before them, with more words at its end.
    pub async fn typed(&self, command: &str, more: &str) -> Result<String, Failed> {
        self.exec(&["bash", "-c", &format!("cd {ROOT} && {command} {more}")], None).await
    }
}
