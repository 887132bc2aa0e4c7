//! A hardware security module in software: `SoftHSM`, whose library runs in the process that asks it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use crate::process::Process;
use crate::rig::{Rig, blocking};
use crate::scratch::Scratch;

/// Names the configuration to the library, which finds its tokens there.
const CONFIG: &str = "SOFTHSM2_CONF";
/// Set in processes that run one test.
const ALONE: &str = "TOPIC_ENCRYPTION_TEST_ALONE";
const LONGEST: Duration = Duration::from_mins(2);
const OFFICERS_PIN: &str = "officers-pin-5678";

/// Tokens of this process alone.
#[derive(Debug)]
pub struct SoftHsm {
    folder: PathBuf,
    module: PathBuf,
}

impl SoftHsm {
    /// The label of its token.
    pub const TOKEN: &str = "rig";
    /// The PIN of the token's user, at first.
    pub const PIN: &str = "users-pin-1234";

    /// What a test of this name goes on with, or `None` when there is nothing left for it to do: the library reads where
    /// its tokens are from the environment, and logins are those of a process, so the test runs in a process of its own.
    pub async fn alone(test: &str) -> Option<Self> {
        Self::alone_with(test, &[]).await
    }

    /// The same, with more in the environment of that process.
    pub async fn alone_with(test: &str, variables: &[(&str, &str)]) -> Option<Self> {
        let rig = Rig::ready().await;
        if std::env::var_os(ALONE).is_some_and(|name| name == OsStr::new(test)) {
            let config = PathBuf::from(std::env::var_os(CONFIG).expect("it is set beside the other"));
            let folder = config.parent().expect("it is in a folder").to_owned();
            let hsm = Self { folder, module: PathBuf::from(rig.part("SOFTHSM")) };
            hsm.make_token(Self::TOKEN);
            return Some(hsm);
        }
        let folder = Scratch::new("softhsm");
        fs::create_dir(folder.join("tokens")).expect("the folder is ours");
        let config = folder.join("softhsm2.conf");
        let settings = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            folder.join("tokens").display()
        );
        fs::write(&config, settings).expect("the folder is ours");
        let mut command = Command::new(std::env::current_exe().expect("this program is somewhere"));
        command.args([test, "--exact", "--nocapture"]).env(ALONE, test);
        command.env(CONFIG, &config).env("TOPIC_ENCRYPTION_RIG", "ready");
        command.envs(variables.iter().copied());
        let mut process = Process::start(test, command, &folder.join("test.log")).expect("the test starts");
        let (ended, log) = blocking(move || (process.wait(LONGEST), process.log())).await;
        let passed = ended.is_some_and(|status| status.success()) && log.contains("1 passed");
        assert!(passed, "{test} in a process of its own: {ended:?}\n{log}");
        None
    }

    /// The library.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// A path in a folder of this process's own.
    pub fn join(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Initialises another token.
    pub fn make_token(&self, label: &str) {
        let mut command = Command::new("softhsm2-util");
        command.args(["--init-token", "--free", "--label", label, "--pin", Self::PIN]);
        run(command.args(["--so-pin", OFFICERS_PIN]));
    }

    /// Makes a key, from another process.
    pub fn make_key(&self, label: &str, id: &str) {
        let make = ["--keygen", "--key-type", "AES:32", "--label", label, "--id", id];
        run(self.tool().args(["--login", "--pin", Self::PIN, "--sensitive"]).args(make));
    }

    /// Destroys a key, from another process.
    pub fn destroy_key(&self, label: &str, id: &str) {
        let destroy = ["--delete-object", "--type", "secrkey", "--label", label, "--id", id];
        run(self.tool().args(["--login", "--pin", Self::PIN]).args(destroy));
    }

    /// Gives a key another label.
    pub fn rename_key(&self, label: &str, id: &str, to: &str) {
        let session = self.session();
        let hex = |at: usize| u8::from_str_radix(&id[at..at + 2], 16).expect("an id is hexadecimal");
        let id = (0..id.len()).step_by(2).map(hex).collect();
        let wanted = [Attribute::Label(label.as_bytes().to_vec()), Attribute::Id(id)];
        let keys = session.find_objects(&wanted).expect("objects can be listed");
        let [key] = keys[..] else { panic!("{} keys {label}", keys.len()) };
        let label = [Attribute::Label(to.as_bytes().to_vec())];
        session.update_attributes(key, &label).expect("the key may be changed");
    }

    /// Logs in with a PIN, from another process.
    pub fn log_in(&self, pin: &str) {
        run(self.tool().args(["--login", "--pin", pin, "--list-objects"]));
    }

    /// Gives the user another PIN. In this process: `SoftHSM` reads it once, when it is initialised.
    pub fn change_pin(&self, to: &str) {
        let (from, to) = (AuthPin::from(Self::PIN), AuthPin::from(to));
        self.session().set_pin(&from, &to).expect("the PIN is right");
    }

    /// Whether a wrong PIN was tried since the last right one.
    pub fn saw_a_wrong_pin(&self) -> bool {
        run(Command::new("pkcs11-tool").arg("--module").arg(&self.module).arg("--list-slots"))
            .contains("user PIN count low")
    }

    /// Sets what all keys of a label may be used for.
    pub fn permit(&self, label: &str, encrypt: bool, decrypt: bool) {
        let session = self.session();
        let wanted = [Attribute::Encrypt(encrypt), Attribute::Decrypt(decrypt)];
        for key in keys(&session, label) {
            session.update_attributes(key, &wanted).expect("the key may be changed");
        }
    }

    /// The number of its token's slot.
    pub fn slot(&self) -> u64 {
        let module = self.library();
        find(&module).id()
    }

    /// Starts the library anew, so that no session of before is one.
    pub fn restart(&self) {
        self.finalize();
        self.library();
    }

    /// Ends the login of this process; its sessions stay.
    pub fn log_out(&self) {
        self.session().logout().expect("the process was logged in");
    }

    /// Ends what the library does for this process.
    pub fn finalize(&self) {
        self.library().finalize().expect("it was initialised");
    }

    /// Logged out when it is the last one to be closed.
    fn session(&self) -> Session {
        let module = self.library();
        let session = module.open_rw_session(find(&module)).expect("a session can be opened");
        // The process may be logged in already.
        let _ = session.login(UserType::User, Some(&AuthPin::from(Self::PIN)));
        session
    }

    fn library(&self) -> Pkcs11 {
        let module = Pkcs11::new(&self.module).expect("the library is there");
        // Another part of the test may have done it.
        let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        module
    }

    /// Makes the library hang when it looks at an object: it waits for a lock that another process holds, until this is
    /// dropped.
    pub fn hang(&self) -> Hang {
        let mut command = Command::new("python3");
        command.arg("-c").arg(HOLD).arg(self.join("tokens"));
        let log = self.join("hang.log");
        let (process, input, output) = Process::start_piped("hang", command, &log).expect("Python starts");
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("it says so");
        assert_eq!(line, "locked\n", "{}", process.log());
        Hang { input, process }
    }

    fn tool(&self) -> Command {
        let mut command = Command::new("pkcs11-tool");
        command.arg("--module").arg(&self.module).args(["--token-label", Self::TOKEN]);
        command
    }
}

/// Locks every file of every token, as the library itself does while it writes.
const HOLD: &str = "
import fcntl, os, sys
held = []
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        held.append(open(os.path.join(folder, name), 'r+b'))
        fcntl.lockf(held[-1], fcntl.LOCK_EX)
print('locked', flush=True)
sys.stdin.read()
";

/// What makes the library hang.
#[derive(Debug)]
pub struct Hang {
    input: std::process::ChildStdin,
    process: Process,
}

impl Hang {
    /// Lets the library go on.
    pub fn end(mut self) {
        let _ = self.input.flush();
        self.process.kill();
    }
}

fn find(module: &Pkcs11) -> Slot {
    let slots = module.get_slots_with_initialized_token().expect("there are slots").into_iter();
    let ours = |slot: &Slot| module.get_token_info(*slot).is_ok_and(|token| token.label() == SoftHsm::TOKEN);
    let mut slots = slots.filter(ours);
    slots.next().expect("the token is there")
}

fn keys(session: &Session, label: &str) -> Vec<ObjectHandle> {
    session.find_objects(&[Attribute::Label(label.as_bytes().to_vec())]).expect("objects can be listed")
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
