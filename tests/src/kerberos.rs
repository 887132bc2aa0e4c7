//! A real Kerberos: a key distribution centre with a realm of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::eventually::eventually_ok;
use crate::ports::Ports;
use crate::process::Process;
use crate::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(20);
const REALM: &str = "TESTS";

/// A running KDC. Dropped, it is gone with its database.
#[derive(Debug)]
pub struct Kerberos {
    _process: Process,
    _ports: Ports,
    // After the process, so that it is dropped after it.
    folder: Scratch,
}

impl Kerberos {
    /// Starts a realm with these principals, whose keys are in a file each.
    pub async fn start(principals: &[&str]) -> Self {
        let (folder, ports) = (Scratch::new("kerberos"), Ports::take(1));
        let path = folder.path().display();
        let address = format!("127.0.0.1:{}", ports.port(0));
        let libraries = format!(
            "[libdefaults]\n  default_realm = {REALM}\n  dns_lookup_kdc = false\n  dns_lookup_realm = false\n  rdns = false\n  \
             dns_canonicalize_hostname = false\n  udp_preference_limit = 1\n[realms]\n  {REALM} = {{\n    kdc = {address}\n  }}\n"
        );
        let server = format!(
            "[kdcdefaults]\n  kdc_listen = {address}\n  kdc_tcp_listen = {address}\n[realms]\n  {REALM} = {{\n    \
             database_name = {path}/principal\n    key_stash_file = {path}/stash\n    acl_file = {path}/acl\n  }}\n"
        );
        std::fs::write(folder.join("krb5.conf"), libraries).expect("the folder is ours");
        std::fs::write(folder.join("kdc.conf"), server).expect("the folder is ours");
        run(&folder, "kdb5_util", &["create", "-s", "-r", REALM, "-P", "of-the-tests"]);
        for principal in principals {
            run(&folder, "kadmin.local", &["-q", &format!("addprinc -randkey {principal}")]);
            let keys = keytab(&folder, principal);
            run(&folder, "kadmin.local", &["-q", &format!("ktadd -k {} {principal}", keys.display())]);
        }
        let mut command = program(&folder, "krb5kdc");
        command.arg("-n");
        let process = Process::start("kdc", command, &folder.join("kdc.log")).expect("the KDC starts");
        let connect = async || tokio::net::TcpStream::connect(&address).await;
        eventually_ok("the KDC accepts connections", PATIENCE, connect).await;
        Self { _process: process, _ports: ports, folder }
    }

    /// How to find the KDC: the file that `KRB5_CONFIG` and Java's `java.security.krb5.conf` name.
    pub fn config(&self) -> PathBuf {
        self.folder.join("krb5.conf")
    }

    /// The file with the keys of a principal.
    pub fn keytab(&self, principal: &str) -> PathBuf {
        keytab(&self.folder, principal)
    }

    /// A place for a program's tickets.
    pub fn tickets(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.tickets"))
    }
}

fn keytab(folder: &Scratch, principal: &str) -> PathBuf {
    folder.join(format!("{}.keytab", principal.replace('/', "-")))
}

fn program(folder: &Scratch, name: &str) -> Command {
    // Debian has them where only administrators look.
    let mut command = Command::new(format!("/usr/sbin/{name}"));
    command.env("KRB5_CONFIG", folder.join("krb5.conf")).env("KRB5_KDC_PROFILE", folder.join("kdc.conf"));
    command
}

fn run(folder: &Scratch, name: &str, arguments: &[&str]) {
    let output = program(folder, name).args(arguments).output().expect("the tools of the KDC are installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {said}");
}
