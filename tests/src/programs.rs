//! The project's programs: built once for a test binary, in the same profile and target folder.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::rig::Rig;

/// The path of the proxy. `PROXY_BIN` names one that is there already.
pub fn proxy() -> PathBuf {
    static PROXY: OnceLock<PathBuf> = OnceLock::new();
    program(&PROXY, "PROXY_BIN", "proxy", "topic-encryption-proxy")
}

/// The path of the previous version's proxy, which `setup` builds from the commit that `fixtures/previous/commit` names.
pub fn previous_proxy() -> PathBuf {
    let path = PathBuf::from(Rig::shared().part("PREVIOUS_PROXY"));
    assert!(
        path.is_file(),
        "{} is missing: this clone lacks the commit in tests/fixtures/previous/commit",
        path.display()
    );
    path
}

/// The path of the operator. `OPERATOR_BIN` names one that is there already.
pub fn operator() -> PathBuf {
    static OPERATOR: OnceLock<PathBuf> = OnceLock::new();
    program(&OPERATOR, "OPERATOR_BIN", "operator", "topic-encryption-operator")
}

fn program(once: &'static OnceLock<PathBuf>, variable: &str, package: &str, name: &str) -> PathBuf {
    let find = || std::env::var_os(variable).map_or_else(|| build(package, name), PathBuf::from);
    once.get_or_init(find).clone()
}

fn build(package: &str, name: &str) -> PathBuf {
    // target/PROFILE/deps/TEST-HASH
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("the test is in target/PROFILE/deps");
    let target = profile.parent().expect("the profile's folder is in the target folder");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", package, "--bin", name, "--profile"]);
    command.arg(match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    });
    command.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "{package} does not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    profile.join(name)
}
