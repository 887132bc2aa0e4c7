//! One run of `openssl s_client`.

use std::path::Path;
use std::process::Stdio;

use tests::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::PATIENCE;

/// A frame with a request for the API versions, in version 0, and how its answer begins behind the length.
const ASK: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
const ANSWER: [u8; 6] = [0, 0, 0, 7, 0, 0];

/// How it went.
#[derive(Debug)]
pub(super) struct Talk {
    /// Whether Kafka's answer came.
    pub(super) answered: bool,
    /// What OpenSSL says of the connection.
    pub(super) said: String,
    errors: String,
}

impl Talk {
    /// Connects with these options, and asks for the API versions.
    pub(super) async fn with(proxy: &Proxy, authority: &Path, options: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &proxy.bootstrap(), "-servername", "localhost", "-CAfile"]);
        command.arg(authority).args(["-verify_hostname", "localhost", "-verify_return_error"]);
        // No letter of the request is meant for OpenSSL.
        command.arg("-nocommands").args(options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("openssl is installed");
        let mut input = child.stdin.take().expect("its input is a pipe");
        let mut output = child.stdout.take().expect("its output is a pipe");
        let talk = async {
            // One that is refused need not have read it.
            drop(input.write_all(&ASK).await);
            let mut said = Vec::new();
            while !is_answered(&said) {
                if output.read_buf(&mut said).await.unwrap() == 0 {
                    break;
                }
            }
            let answered = is_answered(&said);
            // The end of its input is what it ends with.
            drop(input);
            output.read_to_end(&mut said).await.unwrap();
            (answered, said, child.wait_with_output().await.unwrap())
        };
        let (answered, said, ended) = timeout(PATIENCE, talk).await.expect("openssl comes to an end");
        let [said, errors] = [said, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self { answered, said, errors }
    }

    /// Version and cipher suite, as OpenSSL calls them.
    pub(super) fn agreed(&self) -> (&str, &str) {
        let mut lines = self.said.lines();
        let line = lines.find_map(|line| line.strip_prefix("New, ")?.split_once(", Cipher is "));
        line.unwrap_or_else(|| panic!("openssl says nothing of the connection: {self:?}"))
    }

    /// The number of the alert by which it was refused.
    pub(super) fn alert(&self) -> Option<u8> {
        let (_, behind) = self.errors.split_once("SSL alert number ")?;
        behind.split_whitespace().next()?.parse().ok()
    }
}

fn is_answered(said: &[u8]) -> bool {
    said.windows(ANSWER.len()).any(|bytes| bytes == ANSWER)
}
