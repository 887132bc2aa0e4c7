//! The programs that render: the ones of the rig, else those on the path.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::files::chart;
use crate::object;

/// The release and the namespace of the samples. Objects are rendered for one version of Kubernetes, whatever helm knows.
const RELEASE: [&str; 5] = ["topic-encryption-operator", "--namespace", "kafka", "--kube-version", "1.33.0"];

/// What is rendered, or what helm says against it.
pub(crate) fn template(arguments: &[&str]) -> Result<String, String> {
    run(tool("helm").arg("template").arg(chart("")).args(["--name-template"]).args(RELEASE).args(arguments))
}

/// The objects that are rendered.
pub(crate) fn objects(arguments: &[&str]) -> Vec<Value> {
    object::parse(&template(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}")))
}

/// The objects that a file of values makes.
pub(crate) fn objects_of(values: &Path) -> Vec<Value> {
    objects(&["--values", values.to_str().unwrap()])
}

/// A program's standard output, or its standard error where it fails.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A program of the rig's Kubernetes.
pub(crate) fn tool(name: &str) -> Command {
    let built = tests::rig::cache().join("kubernetes/bin").join(name);
    let mut command = Command::new(if built.exists() { built } else { PathBuf::from(name) });
    // Neither finds a cluster by chance.
    command.env("KUBECONFIG", "/dev/null").env_remove("HELM_KUBECONTEXT").env_remove("HELM_NAMESPACE");
    command
}

#[test]
fn the_chart_has_nothing_to_complain_about() {
    let said = run(tool("helm").args(["lint", "--strict", "--quiet"]).arg(chart(""))).unwrap();
    assert_eq!(said.trim(), "");
}
