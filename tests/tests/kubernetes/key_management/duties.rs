//! Three identities, and the powers that each of them lacks.

use tests::kubernetes::{Account, KeyOwner};

use super::parties::Parties;

/// What leads to the proxies' right to use keys, or to what they hold.
const OF_THE_PROXIES: [(&str, &str); 15] = [
    ("get", "secrets"),
    ("list", "secrets"),
    ("create", "secrets"),
    ("create", "pods"),
    ("patch", "pods"),
    ("create", "pods/exec"),
    ("create", "pods/attach"),
    ("create", "pods/portforward"),
    ("patch", "pods/ephemeralcontainers"),
    ("create", "serviceaccounts/token"),
    ("impersonate", "serviceaccounts"),
    ("patch", "deployments.apps"),
    ("create", "jobs.batch"),
    ("patch", "encryptionproxies.encryption.strimzi.io"),
    ("create", "kafkausers.kafka.strimzi.io"),
];
const OF_THE_OWNER: [(&str, &str); 3] = [
    ("create", "topicencryptionpolicies.encryption.strimzi.io"),
    ("patch", "topicencryptionpolicies.encryption.strimzi.io"),
    ("delete", "topicencryptionpolicies.encryption.strimzi.io"),
];
const OF_THE_PLATFORM: [(&str, &str); 3] =
    [("patch", "kafkas.kafka.strimzi.io"), ("get", "pods/log"), ("create", "pods/eviction")];

pub(super) async fn nobody_has_anothers_powers(parties: &Parties, key_owner: &KeyOwner<'_>) {
    let Parties { platform, data, bao, operator, owner, .. } = parties;
    let (kafka, payments) = (platform.namespace(), data.namespace());
    may(operator, kafka, &OF_THE_PLATFORM).await;
    may_not(operator, kafka, &OF_THE_PROXIES).await;
    may_not(operator, payments, &OF_THE_OWNER).await;
    may(owner, payments, &OF_THE_OWNER).await;
    for place in [kafka, payments, "openbao"] {
        may_not(owner, place, &OF_THE_PROXIES).await;
        may_not(owner, place, &OF_THE_PLATFORM).await;
    }
    may_not(operator, "openbao", &OF_THE_PROXIES).await;

    // Not only by what is said of their rights.
    let fleet = platform.fleet().await;
    let pod = fleet.names()[0];
    let attempts: [(&str, &[&str]); 4] = [
        ("a shell in a proxy", &["exec", "-n", kafka, pod, "--", "/bin/sh"]),
        (
            "a token of the proxies",
            &["create", "token", "-n", kafka, "my-cluster-encryption", "--audience=vault"],
        ),
        ("a Secret", &["get", "secrets", "-n", kafka]),
        (
            "an image of their own",
            &["set", "image", "-n", kafka, "deployment/my-cluster-encryption", "*=evil"],
        ),
    ];
    for (what, words) in attempts {
        for (who, account) in [("the platform", operator), ("the owner", owner)] {
            let failed = account.kubectl(words).await.expect_err(what);
            assert!(failed.is_forbidden(), "{who}, {what}: {failed}");
        }
    }

    // At the key management system they are nobody, even with a token for the right audience.
    for (stage, account) in [(platform, "platform"), (data, "owner")] {
        let token = stage.kubectl(&["create", "token", account, "--audience=vault"]).await;
        let answer = bao.log_in(token.trim()).await;
        assert!(answer["auth"].is_null() && !answer["errors"].is_null(), "{account} logs in: {answer}");
    }
    let token = platform.kubectl(&["create", "token", "my-cluster-encryption", "--audience=vault"]).await;
    let answer = bao.log_in(token.trim()).await;
    assert!(answer["auth"].is_object(), "the proxies log in, and so may a cluster administrator: {answer}");

    // The owner of the keys opens nothing, and makes no other rules than for the proxies.
    for (what, path) in [
        ("to open data keys", "transit/decrypt/payments"),
        ("to have data keys", "transit/datakey/plaintext/payments"),
        ("to give themselves rights", "sys/policies/acl/key-owner"),
        ("to let others log in", "auth/kubernetes/role/topic-encryption"),
        ("to switch the audit log off", "sys/audit/none"),
    ] {
        assert!(key_owner.is_denied(path).await, "the owner of the keys may ask {what}");
    }
}

async fn may(account: &Account, namespace: &str, powers: &[(&str, &str)]) {
    for (verb, resource) in powers {
        assert!(account.may(namespace, verb, resource).await, "{verb} {resource} in {namespace}");
    }
}

async fn may_not(account: &Account, namespace: &str, powers: &[(&str, &str)]) {
    for (verb, resource) in powers {
        assert!(!account.may(namespace, verb, resource).await, "{verb} {resource} in {namespace}");
    }
}
