//! What proxies are told of a listener.

use operator_api::ClientCertificates;
use serde_json::{Value, json};

use super::ANY_ADDRESS;
use crate::controller::build::deployment::{
    REVOKED_FILE, SERVER_CERTIFICATE_DIRECTORY, client_ca_directory, revoked_directory,
};
use crate::fleet::{ClientAuthority, Clients, Fleet, Listener};

pub(super) fn listener(fleet: &Fleet, listener: &Listener, host: &str) -> Value {
    let mut value = json!({
        "name": listener.name,
        "bind": format!("{ANY_ADDRESS}:{}", listener.port),
        "advertisedHost": host,
    });
    if let Some(names) = &listener.broker_names {
        value["brokerNames"] = json!(names);
    } else {
        let start = u32::from(listener.port) + 1;
        value["brokerPorts"] = json!({"start": start, "count": fleet.broker_ports(listener)});
    }
    if listener.proxy_protocol {
        value["proxyProtocol"] = json!(true);
    }
    if listener.tls {
        value["tls"] = tls(listener);
    }
    value
}

fn tls(listener: &Listener) -> Value {
    let mut tls = json!({
        "certificateFile": format!("{SERVER_CERTIFICATE_DIRECTORY}/tls.crt"),
        "keyFile": format!("{SERVER_CERTIFICATE_DIRECTORY}/tls.key"),
    });
    if let Some(version) = listener.min_version {
        tls["minVersion"] = json!(version);
    }
    if let Some(suites) = &listener.cipher_suites {
        tls["cipherSuites"] = json!(suites);
    }
    if let Some(clients) = &listener.clients {
        show_certificates(&mut tls, &listener.name, clients);
    }
    tls
}

fn show_certificates(tls: &mut Value, listener: &str, clients: &Clients) {
    let directory = client_ca_directory(listener);
    match &clients.authority {
        ClientAuthority::Strimzi(_) => tls["clientCaDirectory"] = json!(directory),
        ClientAuthority::Given(_) => tls["clientCaFile"] = json!(format!("{directory}/ca.crt")),
    }
    if clients.certificates == ClientCertificates::Optional {
        tls["clientCertificates"] = json!(clients.certificates);
    }
    if clients.revoked.is_some() {
        tls["clientCrlFile"] = json!(format!("{}/{REVOKED_FILE}", revoked_directory(listener)));
    }
    if let Some(principals) = &clients.principals {
        tls["allowedPrincipals"] = json!(principals);
    }
}
