//! What the README tells people to type for a cluster of their own.

use super::command::Failed;
use super::node::Kubernetes;
use super::page;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The commands, in their order.
pub fn commands() -> Vec<String> {
    let blocks = page::commands("README.md", "On Kubernetes");
    blocks.first().expect("the section has commands").lines().map(str::to_owned).collect()
}

impl Kubernetes {
    /// Runs a command as somebody would who has the project before them, with more words at its end.
    pub async fn typed(&self, command: &str, more: &str) -> Result<String, Failed> {
        self.exec(&["bash", "-c", &format!("cd {ROOT} && {command} {more}")], None).await
    }
}
