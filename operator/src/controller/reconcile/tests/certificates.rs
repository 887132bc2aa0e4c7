//! The certificate of the proxies as it changes hands, and what clients are told meanwhile.

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::{CORE, World, has, place};
use crate::controller::fixtures::proxy;

const CERTIFICATES: &str = "/apis/cert-manager.io/v1/namespaces/kafka/certificates";
const PEM: &str = "-----BEGIN CERTIFICATE-----\naXNzdWVy\n-----END CERTIFICATE-----\n";

impl World {
    fn settings(&self, spec: &str) {
        self.proxy(&proxy("proxies", spec));
    }

    fn object(&self, kind: &str, name: &str) -> Value {
        self.server.get(&format!("{CORE}/{kind}/my-cluster-encryption-{name}")).expect("it is there")
    }

    /// Whom clients trust.
    fn bundle(&self) -> String {
        self.object("configmaps", "ca-cert")["data"]["ca.crt"].as_str().expect("a text").to_owned()
    }

    /// The time during which former authorities are trusted, too, is over.
    fn overlap_ends(&self) {
        let mut bundle = self.object("configmaps", "ca-cert");
        let until = &mut bundle["metadata"]["annotations"]["encryption.strimzi.io/former-until"];
        assert!(until.is_string(), "{until}");
        *until = json!("2026-01-01T00:00:00Z");
        self.put(CORE, "configmaps", &bundle);
    }

    /// A Secret of somebody else with a certificate.
    fn certificate(&self, name: &str, authority: Option<&str>) {
        self.certificate_of("issuer", name, authority);
    }

    fn certificate_of(&self, issuer: &str, name: &str, authority: Option<&str>) {
        let mut secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {
                "name": name, "namespace": "kafka",
                "annotations": {"cert-manager.io/issuer-name": issuer},
            },
            "data": {"tls.crt": "", "tls.key": ""},
        });
        if let Some(text) = authority {
            secret["data"]["ca.crt"] = json!(ByteString(text.as_bytes().to_vec()));
        }
        self.put(CORE, "secrets", &secret);
    }
}

#[tokio::test]
async fn an_order_at_cert_manager_goes_before_the_operator_issues_by_itself() {
    let world = World::with_policy().await;
    world.settings("{tls: {issuerRef: {name: issuer}}}");
    place(&world.pass().await, "PATCH certificates/my-cluster-encryption-tls");
    assert!(!has(&world.pass().await, "DELETE"));
    world.settings("{}");
    let writes = world.pass().await;
    let order = ["DELETE certificates/my-cluster-encryption-tls", "POST secrets/my-cluster-encryption-tls"];
    assert!(order.map(|write| place(&writes, write)).is_sorted(), "{writes:#?}");
    assert!(!has(&world.pass().await, "certificates/"));
}

#[tokio::test]
async fn cert_manager_need_not_be_there() {
    let world = World::with_policy().await;
    world.server.lacks("cert-manager.io");
    place(&world.pass().await, "POST secrets/my-cluster-encryption-tls");
}

#[tokio::test]
async fn an_order_of_somebody_else_stays() {
    let world = World::with_policy().await;
    let theirs = json!({"metadata": {"name": "my-cluster-encryption-tls", "namespace": "kafka"}});
    world.server.put(CERTIFICATES, &theirs);
    assert!(!has(&world.pass().await, "DELETE"));
}

#[tokio::test]
async fn clients_keep_whom_they_trust_until_it_is_known_who_issues_now() {
    let world = World::with_policy().await;
    world.pass().await;
    let own = world.bundle();
    world.settings("{tls: {issuerRef: {name: issuer}}}");
    let writes = world.pass().await;
    assert!(!has(&writes, "DELETE"), "{writes:#?}");
    assert_eq!(world.bundle(), own);
    world.certificate("my-cluster-encryption-tls", Some(PEM));
    world.pass().await;
    assert_eq!(world.bundle(), format!("{PEM}{own}"), "the operator's own is trusted for a while longer");
    world.overlap_ends();
    world.pass().await;
    assert_eq!(world.bundle(), PEM);

    let another = PEM.replace("aXNzdWVy", "b2xkZXIx");
    world.certificate("my-cluster-encryption-tls", Some(&another));
    world.settings("{tls: {issuerRef: {name: another}}}");
    world.pass().await;
    assert_eq!(world.bundle(), PEM, "the other one has not issued yet");
    world.certificate_of("another", "my-cluster-encryption-tls", Some(&another));
    world.pass().await;
    assert_eq!(world.bundle(), format!("{another}{PEM}"), "an issuer that is moved to comes with an overlap");
    world.overlap_ends();
    world.pass().await;
    assert_eq!(world.bundle(), another);

    world.settings("{tls: {secretRef: {name: given}}}");
    world.certificate("given", None);
    world.pass().await;
    assert_eq!(world.bundle(), another, "nothing is known of the given one");
    world.certificate("given", Some("no certificate"));
    world.pass().await;
    assert_eq!(world.bundle(), another);
    let given = PEM.replace("aXNzdWVy", "Z2l2ZW4x");
    let key = PEM.replace("CERTIFICATE", "PRIVATE KEY");
    world.certificate("given", Some(&format!("comment\n{given}{key}")));
    world.pass().await;
    assert_eq!(world.bundle(), format!("{given}{another}"));
}

#[tokio::test]
async fn the_authority_belongs_to_nobody_and_the_certificate_to_whom_the_fleet_does() {
    let world = World::with_policy().await;
    world.pass().await;
    let authority = world.object("secrets", "ca");
    assert_eq!(authority["metadata"]["ownerReferences"], Value::Null);
    assert_eq!(authority["metadata"]["annotations"]["argocd.argoproj.io/sync-options"], "Prune=false");
    let owner = |name: &str| world.object("secrets", name)["metadata"]["ownerReferences"][0]["kind"].clone();
    assert_eq!(owner("tls"), "Kafka");
    world.settings("{}");
    let before = world.object("secrets", "tls")["data"].clone();
    world.pass().await;
    assert_eq!(owner("tls"), "EncryptionProxy");
    assert_eq!(world.object("secrets", "tls")["data"], before);
}

#[tokio::test]
async fn an_authority_that_belonged_to_a_fleet_is_let_go_as_it_is() {
    let world = World::with_policy().await;
    world.pass().await;
    let mut authority = world.object("secrets", "ca");
    authority["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "EncryptionProxy", "name": "gone", "uid": "gone"}]);
    world.put(CORE, "secrets", &authority);
    place(&world.pass().await, "PATCH secrets/my-cluster-encryption-ca");
    let after = world.object("secrets", "ca");
    assert_eq!(after["metadata"]["ownerReferences"], Value::Null);
    assert_eq!(after["data"], authority["data"]);
}
