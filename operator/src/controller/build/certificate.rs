//! What clients need to trust the proxies, and what cert-manager is asked for.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::json;

use crate::fleet::Fleet;

/// The authorities of the proxies' certificate, for clients to mount.
pub(crate) fn authority_bundle(fleet: &Fleet, certificates: &str) -> ConfigMap {
    ConfigMap {
        metadata: fleet.metadata(fleet.names.authority_bundle()),
        data: Some([("ca.crt".to_owned(), certificates.to_owned())].into()),
        ..ConfigMap::default()
    }
}

/// The kind of cert-manager's requests.
pub(crate) fn cert_manager_resource() -> ApiResource {
    let kind = GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate");
    ApiResource::from_gvk_with_plural(&kind, "certificates")
}

/// A request to cert-manager, which keeps the Secret up to date from then on.
pub(crate) fn cert_manager_certificate(fleet: &Fleet, issuer: &str, cluster_domain: &str) -> DynamicObject {
    let names = fleet.host_names(cluster_domain);
    let (addresses, names): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.parse::<std::net::IpAddr>().is_ok());
    let mut spec = json!({
        "secretName": fleet.certificate_secret(),
        "dnsNames": names,
        "usages": ["server auth"],
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "issuerRef": {"kind": "Issuer", "name": issuer, "group": "cert-manager.io"},
    });
    if !addresses.is_empty() {
        spec["ipAddresses"] = json!(addresses);
    }
    let mut object = DynamicObject::new(&fleet.names.certificate(), &cert_manager_resource());
    object.metadata = fleet.metadata(fleet.names.certificate());
    object.data = json!({"spec": spec});
    object
}
