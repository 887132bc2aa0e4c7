//! A proxy whose files stay as they are, and a pod that stands still.

use super::fleet::Pod;
use super::stage::Stage;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rig/kubernetes/hold-back");
/// Where proxies have their files.
const FOLDER: &str = "/etc/topic-encryption";

/// A proxy that the kubelet's updates do not reach.
#[derive(Debug)]
pub struct Held<'a> {
    stage: &'a Stage,
    uid: String,
}

impl Stage {
    /// Keeps a proxy at the policy that it has now. It goes on serving, and answering.
    pub async fn hold_back(&self, pod: &Pod) -> Held<'_> {
        let held = Held { stage: self, uid: pod.uid.clone() };
        held.run("hold").await;
        held
    }

    /// Stops a pod's process where it is, as if its machine slept.
    pub async fn freeze(&self, uid: &str) {
        self.signal("freeze", uid).await;
    }

    /// Lets it go on.
    pub async fn thaw(&self, uid: &str) {
        self.signal("thaw", uid).await;
    }

    async fn signal(&self, verb: &str, uid: &str) {
        let done = self.kubernetes().exec(&[SCRIPT, verb, uid], None).await;
        done.unwrap_or_else(|failed| panic!("{failed}"));
    }
}

impl Held<'_> {
    /// Lets it follow again.
    pub async fn release(self) {
        self.run("release").await;
    }

    async fn run(&self, verb: &str) {
        let done = self.stage.kubernetes().exec(&[SCRIPT, verb, &self.uid, FOLDER], None).await;
        done.unwrap_or_else(|failed| panic!("{failed}"));
    }
}
