//! The proxy's program: built once for a test binary, in the same profile and target folder.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Its path. `PROXY_BIN` names one that is there already.
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("PROXY_BIN").map_or_else(build, PathBuf::from)).clone()
}

fn build() -> PathBuf {
    // target/PROFILE/deps/TEST-HASH
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("the test is in target/PROFILE/deps");
    let target = profile.parent().expect("the profile's folder is in the target folder");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "proxy", "--bin", "topic-encryption-proxy", "--profile"]);
    command.arg(match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    });
    command.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "the proxy does not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    profile.join("topic-encryption-proxy")
}
