//! Proxies that lag behind what they were told, and what is in the way. Pure.

use super::findings::Facts;
use crate::controller::rollout::why_behind;
use crate::pods::Proxy;

/// What keeps a change from being in force everywhere.
pub(super) struct Behind {
    /// Why, in a word.
    pub(super) reason: &'static str,
    /// Which proxies, why, and what to do where it does not pass by itself.
    pub(super) text: String,
}

impl Facts<'_> {
    /// Which proxies lag behind, of those that the predicate takes.
    pub(super) fn behind(&self, is_behind: impl Fn(&Proxy) -> bool) -> Behind {
        let step = self.programmed.map(|programmed| &programmed.step);
        let behind: Vec<_> = self.proxies().filter(|proxy| is_behind(proxy)).collect();
        let pods = match step.filter(|step| !step.last && !step.behind.is_empty()) {
            Some(step) => step.behind.clone(),
            None => {
                behind.iter().map(|proxy| format!("pod {}{}", proxy.name, why_behind(proxy, None))).collect()
            }
        };
        let text = if pods.is_empty() { "no pod runs yet".to_owned() } else { pods.join("; ") };
        let refusing: Vec<_> = behind.into_iter().filter(|proxy| refuses(proxy)).collect();
        if refusing.is_empty() {
            return Behind { reason: "Reconciling", text };
        }
        Behind { reason: "FilesRefused", text: format!("{text}. {}", self.what_to_do(&refusing)) }
    }

    /// A file that the operator writes is refused by proxies of another version than its own, as a whole: what they do not know might
    /// be what keeps records from being clear.
    fn what_to_do(&self, refusing: &[&Proxy]) -> String {
        let wanted = self.fleet().map(|fleet| fleet.image.as_str());
        let is_old = |proxy: &&Proxy| proxy.image.is_some() && proxy.image.as_deref() != wanted;
        let goes_on =
            "Proxies that have a policy go on with it, and those that start without one take no clients";
        if refusing.iter().all(is_old) {
            return format!("{goes_on}, until the rollout has replaced these pods");
        }
        let whose = match &self.judgement.spec.image {
            Some(image) => format!("take image: {image} out of the EncryptionProxy"),
            None => "see that proxy.image of the chart is of the operator's own version".to_owned(),
        };
        format!(
            "{goes_on}. If the image is of another version than the operator, {whose}, or take out of the policies what is not \
             known there"
        )
    }
}

fn refuses(proxy: &Proxy) -> bool {
    proxy.report.as_ref().is_ok_and(|report| report.policy_error.is_some())
}
