//! The way to what listens for a pod alone.

use std::time::Duration;

use super::stage::Stage;
use crate::eventually::eventually_ok;
use crate::failure;
use crate::process::Process;
use crate::scratch::Scratch;

const PATIENCE: Duration = Duration::from_mins(1);

/// Ports of a pod's own 127.0.0.1 are those of the 127.0.0.1 of clients, until this is dropped.
#[derive(Debug)]
pub struct Forward {
    _process: Process,
    _folder: Scratch,
}

impl Stage {
    /// Leads to these ports of a pod.
    pub async fn forward(&self, pod: &str, ports: &[u16]) -> Forward {
        let folder = Scratch::new("forward");
        let log = folder.join("forward.log");
        failure::show_when_a_test_fails(&log);
        let (pod, numbers) = (format!("pod/{pod}"), ports.iter().map(ToString::to_string));
        let numbers: Vec<_> = numbers.collect();
        let words = ["kubectl", "--namespace", self.namespace(), "port-forward", &pod];
        let words: Vec<_> = words.into_iter().chain(numbers.iter().map(String::as_str)).collect();
        let process = Process::start("the way to a pod", self.kubernetes().command(&words), &log);
        let mut process = process.expect("kubectl starts");
        let open = async || {
            let log = process.log();
            assert!(process.ended().is_none(), "{log}");
            let is_open = |port: &String| log.contains(&format!("127.0.0.1:{port} ->"));
            if numbers.iter().all(is_open) { Ok(()) } else { Err(log) }
        };
        eventually_ok("the ports of the pod are reached", PATIENCE, open).await;
        Forward { _process: process, _folder: folder }
    }
}
