//! Proxies of another version than the operator's, to which a field of a policy says nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use operator_api::{EncryptionProxyStatus, TopicEncryptionPolicyStatus};
use proxy_config::Policy;

use super::{Observed, brief, find, healthy_with, policy_status, policy_status_with, proxy_status};
use crate::controller::validate::file;

/// What a proxy says of the policy that it was told, with a field that only later versions have.
fn refusal(observed: &Observed) -> String {
    let text = file(observed, "policy.yaml").unwrap();
    let later = text.replacen("key:", "fromTheFuture: [a]\n  key:", 1);
    assert_ne!(text, later);
    Policy::parse(&later, &["default".parse().unwrap()].into()).unwrap_err().to_string()
}

/// Two of three proxies refuse what they were told, and go on with what they had.
fn refusing(settings: &str, images: [&str; 3]) -> Observed {
    let mut observed = healthy_with(settings, 3);
    let refusal = refusal(&observed);
    for (proxy, image) in observed.fleet.iter_mut().zip(images) {
        proxy.image = Some(image.to_owned());
    }
    for proxy in &mut observed.fleet[1..] {
        let report = proxy.report.as_mut().unwrap();
        report.policy = Some("of-the-earlier-policy".to_owned());
        report.policy_error = Some(refusal.clone());
    }
    observed
}

fn all_conditions(observed: &Observed) -> [Vec<Condition>; 2] {
    let policy: TopicEncryptionPolicyStatus = policy_status(observed);
    let proxy: EncryptionProxyStatus = proxy_status(observed);
    assert_eq!(policy.proxies.unwrap().summary, "1/3");
    [policy.conditions, proxy.conditions]
}

#[test]
fn the_status_names_the_field_the_pods_and_what_to_do() {
    let pinned = refusing("{replicas: 3, image: 'proxy:old'}", ["proxy:old"; 3]);
    for conditions in all_conditions(&pinned) {
        for kind in ["Programmed", "Ready"] {
            assert_eq!(brief(&conditions, kind), "False FilesRefused");
        }
        let message = find(&conditions, "Ready").2;
        for part in [
            "1 of 3 proxies have loaded",
            "pod pod-1 refuses its files: rules[0].fromTheFuture: is not a known field",
            "pod pod-2 refuses its files",
            "go on with it",
            "take image: proxy:old out of the EncryptionProxy",
            "out of the policies",
        ] {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
    }
    let of_chart = refusing("{replicas: 3}", ["proxy:1"; 3]);
    for conditions in all_conditions(&of_chart) {
        let message = find(&conditions, "Programmed").2;
        assert!(message.contains("proxy.image of the chart"), "{message}");
    }
}

#[test]
fn proxies_that_a_rollout_replaces_are_waited_for() {
    let rolling = refusing("{replicas: 3}", ["proxy:1", "proxy:0", "proxy:0"]);
    for conditions in all_conditions(&rolling) {
        let message = find(&conditions, "Programmed").2;
        assert!(message.contains("until the rollout has replaced these pods"), "{message}");
        assert!(!message.contains("chart"), "{message}");
    }
}

#[test]
fn a_first_step_that_is_refused_says_so_too() {
    let observed = refusing("{replicas: 3}", ["proxy:1"; 3]);
    let status = policy_status_with(&observed, |programmed| {
        programmed.step.last = false;
        programmed.step.behind = vec!["pod pod-1 refuses its files: some field".to_owned()];
    });
    let (programmed, reason, message) = find(&status.conditions, "Programmed");
    assert_eq!((programmed.as_str(), reason.as_str()), ("False", "FilesRefused"));
    assert!(message.contains("; pod pod-1 refuses its files: some field. Proxies"), "{message}");
}

#[test]
fn a_proxy_that_has_what_it_was_told_last_refuses_nothing() {
    let mut observed = healthy_with("{replicas: 3}", 3);
    // The kubelet has not put the file back yet that was there before.
    observed.fleet[0].report.as_mut().unwrap().policy_error = Some(refusal(&observed));
    assert_eq!(brief(&policy_status(&observed).conditions, "Programmed"), "True Programmed");
    assert_eq!(brief(&proxy_status(&observed).conditions, "Ready"), "True Ready");
}
