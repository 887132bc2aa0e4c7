//! The NetworkPolicy of proxies whose keys are in a server.

use tests::kubernetes::{OpenBao, Stage};

use crate::network_policies::flows::{Direction, Place, Pod};
use crate::network_policies::{pod, policies, stranger};

const KEYS: u16 = 8200;
const BROKERS: u16 = 9094;

pub(super) async fn proxies_reach_keys_and_nothing_else(platform: &Stage, bao: &OpenBao) {
    let judge = policies(platform).await;
    let proxy = pod(platform, "app.kubernetes.io/name=topic-encryption-proxy").await;
    let broker = pod(platform, "strimzi.io/cluster=my-cluster,strimzi.io/kind=Kafka").await;
    let server = Place::Pod(Pod::of(&bao.pod().await, &bao.namespace().await));
    judge.allows(&proxy, &server, "TCP", KEYS);
    judge.allows(&proxy, &broker, "TCP", BROKERS);
    for (protocol, port) in [("TCP", 8201), ("TCP", 443), ("UDP", KEYS)] {
        judge.denies(&proxy, &server, protocol, port, Direction::Egress);
    }
    let lookalike = stranger("shop", &[], &[("app", "openbao")]);
    let beside = stranger(platform.namespace(), &[], &[("app", "openbao")]);
    for elsewhere in [&lookalike, &beside, &broker, &Place::Outside] {
        for port in [KEYS, 443] {
            judge.denies(&proxy, elsewhere, "TCP", port, Direction::Egress);
        }
    }
    judge.denies(&server, &proxy, "TCP", 8080, Direction::Ingress);
}
