//! Routes of the Gateway API: written in the version that is served, taken away, and done without.

use axum::http::Method;
use serde_json::{Value, json};

use super::{CORE, PROXY, World, has, place};
use crate::controller::fixtures::{pool, proxy};

const GATEWAY: &str = "/apis/gateway.networking.k8s.io";
/// No proxy has to be waited for.
const ROUTED: &str = "{replicas: 0, listeners: [{
    name: sni, type: tlsroute, advertisedHost: kafka.example.com,
    brokerNames: {pattern: 'broker-{id}.kafka.example.com'},
    tlsRoute: {parentRefs: [{name: edge, namespace: gateways}]},
}]}";

impl World {
    /// The cluster serves these kinds of the Gateway API in a version.
    fn gateway_api(&self, version: &str, plurals: &[&str]) {
        let resource = |plural: &&str| json!({"name": plural, "singularName": "", "namespaced": true, "kind": plural, "verbs": []});
        let listed = json!({
            "kind": "APIResourceList", "metadata": {"name": version},
            "groupVersion": format!("gateway.networking.k8s.io/{version}"),
            "resources": plurals.iter().map(resource).collect::<Vec<_>>(),
        });
        self.server.put(GATEWAY, &listed);
    }

    fn route(&self, version: &str, name: &str) -> Option<Value> {
        self.server.get(&format!("{GATEWAY}/{version}/namespaces/kafka/tlsroutes/{name}"))
    }

    /// What the Gateway says of the route.
    fn answer(&self, kind: &str, status: &str, reason: &str, message: &str) {
        let mut route = self.route("v1", "my-cluster-encryption-sni").unwrap();
        route["status"] = json!({"parents": [{
            "parentRef": {"name": "edge", "namespace": "gateways"}, "controllerName": "example.com/gateways",
            "conditions": [
                {"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""},
                {"type": kind, "status": status, "reason": reason, "message": message},
            ],
        }]});
        self.server.put(&format!("{GATEWAY}/v1/namespaces/kafka/tlsroutes"), &route);
    }

    async fn routed() -> Self {
        let world = Self::with_policy().await;
        world.proxy(&proxy("proxies", ROUTED));
        let authority = json!({"metadata": {"name": "my-cluster-cluster-ca-cert", "namespace": "kafka"}});
        world.put(CORE, "secrets", &authority);
        world
    }

    /// Whether the fleet is ready once there is nothing to wait for but Gateways.
    async fn settled(&self) -> (String, String) {
        self.pass().await;
        self.pass().await;
        self.condition(PROXY, "Ready")
    }
}

#[tokio::test]
async fn routes_are_written_in_the_best_version_that_has_them() {
    for (versions, written) in [
        (&[("v1", &["gateways", "tlsroutes"][..]), ("v1alpha2", &["tlsroutes"])][..], "v1"),
        (&[("v1", &["gateways"]), ("v1alpha3", &["tlsroutes"]), ("v1alpha2", &["tlsroutes"])], "v1alpha3"),
        (&[("v1", &["gateways"]), ("v1alpha2", &["tcproutes", "tlsroutes"])], "v1alpha2"),
    ] {
        let world = World::routed().await;
        for (version, plurals) in versions {
            world.gateway_api(version, plurals);
        }
        let writes = world.pass().await;
        let order = ["PATCH services/my-cluster-encryption-sni", "PATCH tlsroutes/my-cluster-encryption-sni"];
        assert!(order.map(|write| place(&writes, write)).is_sorted(), "{writes:#?}");
        let route = world.route(written, "my-cluster-encryption-sni").unwrap();
        assert_eq!(route["apiVersion"], format!("gateway.networking.k8s.io/{written}"));
        assert_eq!(route["spec"]["parentRefs"], json!([{"name": "edge", "namespace": "gateways"}]));
    }
}

#[tokio::test]
async fn without_the_gateway_api_everything_else_is_made_and_the_status_says_what_is_missing() {
    let world = World::routed().await;
    let (ready, message) = world.settled().await;
    assert_eq!(ready, "False GatewayApiMissing");
    assert!(message.contains("listener sni") && message.contains("install"), "{message}");
    assert_eq!(world.condition(PROXY, "Stalled").0, "True GatewayApiMissing");
    place(&world.pass().await, "PATCH deployments/my-cluster-encryption");
    world.gateway_api("v1", &["tlsroutes"]);
    place(&world.pass().await, "PATCH tlsroutes/my-cluster-encryption-sni");
}

#[tokio::test]
async fn a_fleet_is_ready_once_its_gateways_take_the_routes() {
    let world = World::routed().await;
    world.gateway_api("v1", &["tlsroutes"]);
    assert_eq!(world.settled().await.0, "False RoutePending");
    assert_eq!(world.condition(PROXY, "Reconciling").0, "True RoutePending");
    for (kind, reason) in [("Accepted", "NotAllowedByListeners"), ("ResolvedRefs", "RefNotPermitted")] {
        world.answer(kind, "False", reason, "the namespace is not allowed");
        let (ready, message) = world.settled().await;
        assert_eq!(ready, "False RouteNotAccepted");
        for part in
            ["Gateway edge", "TLSRoute my-cluster-encryption-sni", reason, "the namespace is not allowed"]
        {
            assert!(message.contains(part), "{message}");
        }
    }
    world.answer("ResolvedRefs", "True", "ResolvedRefs", "");
    assert_eq!(world.settled().await.0, "True Ready");
    let status = &world.server.get(PROXY).unwrap()["status"];
    assert_eq!(status["bootstrapServers"], "kafka.example.com:443");
}

#[tokio::test]
async fn routes_that_the_operator_may_not_write_stop_nothing_else() {
    let world = World::routed().await;
    world.gateway_api("v1", &["tlsroutes"]);
    world.server.refuse(Method::PATCH, "/tlsroutes/my-cluster-encryption-sni", 403, "no");
    let (ready, message) = world.settled().await;
    assert_eq!(ready, "False GatewayApiForbidden");
    assert!(message.contains("rbac.gatewayApi"), "{message}");
    place(&world.pass().await, "PATCH deployments/my-cluster-encryption");
}

#[tokio::test]
async fn routes_go_with_their_listener_and_those_of_others_stay() {
    let world = World::routed().await;
    world.gateway_api("v1", &["tlsroutes"]);
    world.pass().await;
    let theirs = json!({"metadata": {"name": "theirs", "namespace": "kafka"}});
    world.server.put(&format!("{GATEWAY}/v1/namespaces/kafka/tlsroutes"), &theirs);
    // The Service stays, so nothing else would take the route away.
    let balanced = ROUTED
        .replace("tlsroute, ", "loadbalancer, ")
        .replace("tlsRoute: {parentRefs: [{name: edge, namespace: gateways}]},", "");
    world.proxy(&proxy("proxies", &balanced));
    place(&world.pass().await, "DELETE tlsroutes/my-cluster-encryption-sni");
    assert!(world.route("v1", "theirs").is_some());
    assert!(!has(&world.pass().await, "tlsroutes"));
}

#[tokio::test]
async fn routes_are_as_many_as_the_names_of_brokers_need() {
    let world = World::routed().await;
    world.gateway_api("v1", &["tlsroutes"]);
    let mut more = crate::controller::fixtures::observed();
    pool(&mut more, 0).data["status"]["nodeIds"] = json!((0..40).filter(|id| *id != 7).collect::<Vec<_>>());
    let pools = &more.strimzi.as_ref().unwrap().pools;
    world.put(super::STRIMZI, "kafkanodepools", &pools[0]);
    world.pass().await;
    let names = ["sni", "sni-2", "sni-3"].map(|name| {
        let route = world.route("v1", &format!("my-cluster-encryption-{name}")).unwrap();
        route["spec"]["hostnames"].as_array().unwrap().clone()
    });
    assert_eq!(names.iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 9]);
    let all: std::collections::BTreeSet<_> =
        names.iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(all.len(), 41);
    assert!(all.contains("kafka.example.com") && all.contains("broker-39.kafka.example.com"), "{all:?}");

    pool(&mut more, 0).data["status"]["nodeIds"] = json!([0, 1]);
    world.put(super::STRIMZI, "kafkanodepools", &more.strimzi.as_ref().unwrap().pools[0]);
    let writes = world.pass().await;
    for gone in ["sni-2", "sni-3"] {
        place(&writes, &format!("DELETE tlsroutes/my-cluster-encryption-{gone}"));
    }
}
