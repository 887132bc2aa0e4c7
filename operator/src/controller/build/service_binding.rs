//! The Secret that tells applications how to reach the proxies.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use crate::fleet::Fleet;
use crate::service_binding::{Mechanism, SECRET_TYPE, ServiceBinding, Trust};

/// Of the first listener, once it has an address; `bundle` is whom its clients trust, as far as that is known.
pub(crate) fn binding_secret(fleet: &Fleet, bundle: Option<&str>) -> Option<Secret> {
    let listener = fleet.listeners.first()?;
    let servers = fleet.bootstrap_servers()?;
    let binding = ServiceBinding {
        bootstrap_servers: &servers,
        tls: listener.tls.then(|| bundle.map_or(Trust::Unknown, Trust::Bundle)),
        sasl: match fleet.client_authentication(listener) {
            "none" | "tls" => None,
            "scram-sha-512" => Some(Mechanism::Named("SCRAM-SHA-512")),
            _ => Some(Mechanism::Unknown),
        },
    };
    let data = binding.entries().into_iter();
    let data = data.map(|(name, value)| (name.to_owned(), ByteString(value.into_bytes())));
    Some(Secret {
        metadata: fleet.metadata(fleet.names.client()),
        type_: Some(SECRET_TYPE.to_owned()),
        // Not `stringData`, of whose entries an apply takes none away again.
        data: Some(data.collect()),
        ..Secret::default()
    })
}
