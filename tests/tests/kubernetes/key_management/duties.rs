//! Three identities, and the powers that each of them lacks: not only by what is said of their rights, but by trying.

use std::time::Duration;

use tests::kubernetes::{Account, KeyOwner};
use tests::{Client, ConsumeOptions};

use super::parties::{CLIENT, Parties};

/// What a client that is refused gives up after.
const REFUSAL: Duration = Duration::from_secs(10);
/// What leads to the proxies' right to use keys, or to what they hold.
const OF_THE_PROXIES: [(&str, &str); 18] = [
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
    ("patch", "configmaps"),
    ("patch", "kafkas.kafka.strimzi.io"),
    ("patch", "kafkanodepools.kafka.strimzi.io"),
];
const OF_THE_OWNER: [(&str, &str); 3] = [
    ("create", "topicencryptionpolicies.encryption.strimzi.io"),
    ("patch", "topicencryptionpolicies.encryption.strimzi.io"),
    ("delete", "topicencryptionpolicies.encryption.strimzi.io"),
];
const OF_THE_PLATFORM: [(&str, &str); 4] = [
    ("patch", "kafkatopics.kafka.strimzi.io"),
    ("get", "pods"),
    ("get", "pods/log"),
    ("create", "pods/eviction"),
];
/// Paths of the server: what they are for.
const OF_KEYS: [(&str, &str); 2] = [
    ("transit/decrypt/payments", "to open data keys"),
    ("transit/datakey/plaintext/payments", "to have data keys"),
];
const OF_THE_KEY_OWNER: [(&str, &str); 3] = [
    ("sys/policies/acl/payments-proxies", "to say who uses the key"),
    ("transit/keys/payments/rotate", "to rotate the key"),
    ("transit/keys/payments/config", "to let the key be destroyed"),
];
const OF_THE_ADMINISTRATOR: [(&str, &str); 3] = [
    ("sys/policies/acl/key-owner", "to give themselves rights"),
    ("auth/kubernetes/role/topic-encryption", "to let others log in"),
    ("sys/audit/none", "to switch the audit log off"),
];

/// What is tried, by whom, in words of `kubectl`.
type Attempt<'a> = (&'a str, &'a [(&'a str, &'a Account)], &'a [&'a str]);

/// Who runs Kafka and who owns the data.
pub(super) async fn in_kubernetes(Parties { platform, data, operator, owner, .. }: &Parties) {
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

    let fleet = platform.fleet().await;
    let pod = fleet.names()[0];
    let everybody: &[(&str, &Account)] = &[("the platform", operator), ("the owner", owner)];
    let attempts: [Attempt<'_>; 10] = [
        ("a shell in a proxy", everybody, &["exec", "-n", kafka, pod, "--", "/bin/sh"]),
        ("a shell in OpenBao", everybody, &["exec", "-n", "openbao", "openbao", "--", "/bin/bao"]),
        (
            "a token of the proxies",
            everybody,
            &["create", "token", "-n", kafka, "my-cluster-encryption", "--audience=vault"],
        ),
        ("Secrets", everybody, &["get", "secrets", "-n", kafka]),
        ("the password of a client", everybody, &["get", "secret", CLIENT, "-n", kafka]),
        (
            "an image of their own",
            everybody,
            &["set", "image", "-n", kafka, "deployment/my-cluster-encryption", "*=evil"],
        ),
        ("pods", &everybody[1..], &["get", "pods", "-n", kafka]),
        ("what a proxy says", &everybody[1..], &["logs", "-n", kafka, pod]),
        ("what the server says", everybody, &["logs", "-n", "openbao", "openbao"]),
        ("an end of encryption", &everybody[..1], &["delete", "tep", "payments", "-n", payments]),
    ];
    for (what, accounts, words) in attempts {
        for (who, account) in accounts {
            let failed = account.kubectl(words).await.expect_err(what);
            assert!(failed.is_forbidden(), "{who}, {what}: {failed}");
        }
    }
}

/// There the two are nobody, even with a token for the right audience; and who owns keys uses none, and is nobody elsewhere.
pub(super) async fn at_the_server(parties: &Parties, key_owner: &KeyOwner<'_>) {
    let Parties { platform, data, bao, .. } = parties;
    for (stage, account) in [(platform, "platform"), (data, "owner")] {
        let token = stage.kubectl(&["create", "token", account, "--audience=vault"]).await;
        for method in ["kubernetes", "jwt"] {
            let answer = bao.log_in(method, token.trim()).await;
            assert!(answer["auth"].is_null() && !answer["errors"].is_null(), "{account} logs in: {answer}");
        }
        for (path, what) in OF_KEYS.iter().chain(&OF_THE_KEY_OWNER).chain(&OF_THE_ADMINISTRATOR) {
            assert!(bao.denies(&token, path).await, "{account} may ask {what}");
        }
    }
    for (path, what) in OF_KEYS.iter().chain(&OF_THE_ADMINISTRATOR) {
        assert!(bao.denies(key_owner.token(), path).await, "the owner of the keys may ask {what}");
    }
    let token = platform.kubectl(&["create", "token", "my-cluster-encryption", "--audience=vault"]).await;
    for method in ["kubernetes", "jwt"] {
        let answer = bao.log_in(method, token.trim()).await;
        assert!(
            answer["auth"].is_object(),
            "the proxies log in, and so may a cluster administrator: {answer}"
        );
    }
    of_who_administers_keys(parties, key_owner).await;
}

/// Who owns keys, and even who administers the server, is nobody in the cluster and at Kafka.
async fn of_who_administers_keys(Parties { platform, bao, .. }: &Parties, key_owner: &KeyOwner<'_>) {
    for (who, token) in [("key-owner", key_owner.token()), ("administrator", bao.root())] {
        let account = platform.bearer(who, token).await;
        for words in [["get", "pods"], ["get", "secrets"], ["get", "kafkas"]] {
            let failed = account.kubectl(&words).await.expect_err(who);
            assert!(failed.is_unknown(), "{who}, {words:?}: {failed}");
        }
        let login = Client::Java.sasl("SCRAM-SHA-512", CLIENT, token, Some(&platform.trust().await));
        let from = ConsumeOptions::from(platform.bootstrap(), "payments.orders").timeout(REFUSAL);
        let read = Client::Java.consume(&from.properties(&login)).await;
        assert!(read.records.is_empty() && !read.errors.is_empty(), "{who} reads: {:?}", read.records.len());
        assert!(read.errors.iter().all(|error| *error == "SASL_AUTHENTICATION_FAILED"), "{:?}", read.errors);
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
