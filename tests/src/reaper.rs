//! Nothing outlives the test process. One `sh` reads, over a pipe that only the test process holds open, which process groups
//! and folders belong to it; when the pipe closes, however the test process ended, the shell kills the groups and
//! removes the folders. (A parent-death signal would follow the thread that started a child, not the process.)

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Reads `+group N`, `-group N`, `+folder PATH` and `-folder PATH` until the pipe closes.
const SCRIPT: &str = r#"
groups=' '
n=0
while IFS=' ' read -r op arg; do
  case $op in
    +group) groups="$groups$arg " ;;
    -group) case $groups in *" $arg "*) groups="${groups%% $arg *} ${groups#* $arg }" ;; esac ;;
    +folder) n=$((n + 1)); eval "folder_$n=\$arg" ;;
    -folder) i=0; while [ $i -lt $n ]; do i=$((i + 1)); eval "[ \"\$folder_$i\" = \"\$arg\" ]" && eval "folder_$i="; done ;;
  esac
done
for g in $groups; do kill -s KILL -- "-$g"; done
i=0
while [ $i -lt $n ]; do
  i=$((i + 1)); eval "f=\$folder_$i"
  [ -z "$f" ] || rm -rf -- "$f" || { sleep 1; rm -rf -- "$f"; }
done
"#;

/// Has the process group killed when the test process ends.
pub(crate) fn adopt_group(leader: u32) {
    tell(&format!("+group {leader}"));
}

/// The group has ended and its number may be used again.
pub(crate) fn release_group(leader: u32) {
    tell(&format!("-group {leader}"));
}

/// Has the folder removed when the test process ends.
pub(crate) fn adopt_folder(path: &Path) {
    tell(&format!("+folder {}", path.display()));
}

/// The folder is gone already, or is to be kept.
pub(crate) fn release_folder(path: &Path) {
    tell(&format!("-folder {}", path.display()));
}

fn tell(line: &str) {
    static SHELL: OnceLock<Mutex<ChildStdin>> = OnceLock::new();
    let shell = SHELL.get_or_init(|| Mutex::new(start()));
    let mut pipe = shell.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(pipe, "{line}").expect("the reaper reads until its pipe closes");
}

fn start() -> ChildStdin {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "test-reaper"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: an interrupt typed at the terminal must reach the tests, not the reaper.
    let child = command.process_group(0).spawn();
    // Nobody waits for it: it ends after this process.
    child.ok().and_then(|child| child.stdin).expect("sh starts and its input is a pipe")
}
