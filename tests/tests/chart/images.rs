//! The Dockerfile says what is built and packed here: its base images alone are never pulled by a test. The hermetic build
//! (`tests/rig/kubernetes/images/build`) takes user, paths and entry points from it.

use std::collections::BTreeMap;

use crate::files::{read, repository};

/// Arguments of instructions, by stage; lines that go on are one.
fn stages() -> BTreeMap<String, Vec<(String, String)>> {
    let text = read(&repository("deploy/images/Dockerfile")).replace("\\\n", " ");
    let mut stages = BTreeMap::new();
    let mut stage = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (instruction, arguments) = line.split_once(' ').unwrap();
        if let Some((_, name)) = arguments.split_once(" AS ").filter(|_| instruction == "FROM") {
            name.clone_into(&mut stage);
        }
        let arguments = arguments.split_whitespace().collect::<Vec<_>>().join(" ");
        stages.entry(stage.clone()).or_insert_with(Vec::new).push((instruction.to_owned(), arguments));
    }
    stages
}

fn arguments<'a>(stage: &'a [(String, String)], instruction: &str) -> Vec<&'a str> {
    stage.iter().filter(|(name, _)| name == instruction).map(|(_, arguments)| arguments.as_str()).collect()
}

const PROGRAMS: [(&str, &str); 2] =
    [("proxy", "topic-encryption-proxy"), ("operator", "topic-encryption-operator")];

#[test]
fn the_toolchain_of_the_image_is_that_of_the_repository() {
    let toolchain = read(&repository("rust-toolchain.toml"));
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap();
    let minor = channel.trim_matches('"').rsplit_once('.').unwrap().0;
    assert_eq!(arguments(&stages()["build"], "FROM"), [format!("rust:{minor}-bookworm AS build")]);
}

/// Conformance: TE-B09.
#[test]
fn the_image_builds_each_program_as_the_repository_does() {
    let stages = stages();
    let steps = arguments(&stages["build"], "RUN").join("\n");
    let makefile = read(&repository("Makefile")).replace("\\\n", " ");
    let flags = "cargo build --locked --release";
    assert!(steps.contains(&format!("{flags} -p proxy -p operator")), "{steps}");
    assert!(makefile.contains("build --locked --release"), "the Makefile builds by other flags than {flags}");
    let stripped = PROGRAMS.map(|(_, program)| program).join(" ");
    assert!(steps.contains(&format!("for program in {stripped}; do strip --strip-all")), "{steps}");
    for (package, program) in PROGRAMS {
        let manifest = read(&repository(package).join("Cargo.toml"));
        assert!(manifest.contains(&format!("[[bin]]\nname = \"{program}\"")), "{package} makes no {program}");
    }
}

/// As `make build` does, of what is packed.
#[test]
fn the_image_has_no_program_that_is_too_large() {
    let stages = stages();
    let steps = arguments(&stages["build"], "RUN").join("\n");
    let packed = PROGRAMS.map(|(_, program)| format!("/usr/local/bin/{program}")).join(" ");
    assert!(steps.ends_with(&format!("done && tests/rig/size {packed}")), "{steps}");
    let ignored = read(&repository("deploy/images/Dockerfile.dockerignore"));
    assert!(ignored.lines().any(|line| line == "!tests/rig/size"), "the build cannot see it: {ignored}");
    let folder = tempfile::tempdir().unwrap();
    for (bytes, fits) in [(39_999_999, true), (40_000_000, false)] {
        let program = folder.path().join("program");
        std::fs::File::create(&program).unwrap().set_len(bytes).unwrap();
        let size = std::process::Command::new(repository("tests/rig/size")).arg(&program).output().unwrap();
        assert_eq!(size.status.success(), fits, "{bytes}: {}", String::from_utf8_lossy(&size.stderr));
    }
}

#[test]
fn each_image_has_one_program_and_runs_it_without_rights() {
    let stages = stages();
    assert_eq!(stages.keys().map(String::as_str).collect::<Vec<_>>(), ["build", "operator", "proxy"]);
    for (name, program) in PROGRAMS {
        let stage = &stages[name];
        let path = format!("/usr/local/bin/{program}");
        // A glibc no newer than that of the build: Debian 12 is bookworm.
        assert_eq!(arguments(stage, "FROM"), [format!("gcr.io/distroless/cc-debian12:nonroot AS {name}")]);
        assert_eq!(arguments(stage, "COPY"), [format!("--from=build {path} {path}")]);
        assert_eq!(arguments(stage, "USER"), ["65532:65532"]);
        assert_eq!(arguments(stage, "ENTRYPOINT"), [format!("[\"{path}\"]")]);
        assert_eq!(stage.len(), 4, "{stage:?}");
    }
}

#[test]
fn what_the_build_reads_is_in_its_context() {
    let ignored = read(&repository("deploy/images/Dockerfile.dockerignore"));
    let context = tempfile::tempdir().unwrap();
    for taken in ignored.lines().filter_map(|line| line.strip_prefix('!')) {
        let (from, to) = (repository(taken), context.path().join(taken));
        if from.exists() {
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(from.canonicalize().unwrap(), to).unwrap();
        }
    }
    assert!(
        context.path().join("Cargo.lock").exists() && context.path().join("rust-toolchain.toml").exists()
    );
    let cargo = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--locked", "--offline", "--format-version", "1"])
        .current_dir(context.path())
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
}
