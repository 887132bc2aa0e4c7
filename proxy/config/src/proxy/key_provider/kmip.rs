//! Keys of a KMIP server.

use std::path::Path;

use serde::Serialize;

use super::super::read_path;
use crate::address::HostPort;
use crate::path::ConfigPath;
use crate::reader::Field;

/// A server of the Key Management Interoperability Protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KmipProvider {
    /// The server.
    pub address: HostPort,
    /// Fetches keys and encrypts in the proxy, for servers that cannot.
    pub fetch_keys: bool,
    /// Files for TLS.
    pub tls: KmipTls,
}

/// Files for TLS to a KMIP server, which knows its clients by their certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names, reason = "they are the configuration's")]
pub struct KmipTls {
    /// CA certificates to trust, PEM.
    pub ca_file: ConfigPath,
    /// The client's certificate chain, PEM.
    pub certificate_file: ConfigPath,
    /// Its private key, PEM.
    pub key_file: ConfigPath,
}

impl KmipProvider {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["address", "fetchKeys", "tls"])?;
        let address = fields.required("address").and_then(|field| field.parsed(str::parse));
        let fetch_keys = fields.optional("fetchKeys").map_or(Some(false), Field::boolean);
        let tls = fields.required("tls").and_then(|field| KmipTls::read(field, base_dir));
        Some(Self { address: address?, fetch_keys: fetch_keys?, tls: tls? })
    }
}

impl KmipTls {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["caFile", "certificateFile", "keyFile"])?;
        let file = |name| fields.required(name).and_then(|field| read_path(field, base_dir));
        let (ca_file, certificate_file, key_file) =
            (file("caFile"), file("certificateFile"), file("keyFile"));
        Some(Self { ca_file: ca_file?, certificate_file: certificate_file?, key_file: key_file? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{provider, refuses};
    use super::*;
    use crate::proxy::KeyProvider;

    #[test]
    fn a_server_and_certificates_are_read_and_written_back() {
        let tls = "tls: {caFile: ca.crt, certificateFile: /run/tls.crt, keyFile: /run/tls.key}";
        for (given, fetch_keys) in [("", false), ("fetchKeys: false, ", false), ("fetchKeys: true, ", true)] {
            let text = format!("{{address: 'kmip.example.com:5696', {given}{tls}}}");
            let KeyProvider::Kmip(kmip) = provider("kmip", &text).unwrap() else { panic!("it is KMIP") };
            assert_eq!(
                (kmip.address.to_string().as_str(), kmip.fetch_keys),
                ("kmip.example.com:5696", fetch_keys)
            );
            assert_eq!(kmip.tls.ca_file.as_path(), Path::new("/etc/proxy/ca.crt"));
            assert_eq!(kmip.tls.key_file.as_path(), Path::new("/run/tls.key"));
        }
    }

    #[test]
    fn refuses_what_is_mistaken() {
        refuses(
            "kmip",
            &[
                ("{}", ".address: is required\n.tls: is required"),
                (
                    "{address: kmip.example.com, tls: {caFile: a, certificateFile: b, keyFile: c}}",
                    ".address: must be host:port, not \"kmip.example.com\"",
                ),
                (
                    "{address: 'a:1', fetchKeys: 1, tls: {caFile: a, certificateFile: b, keyFile: c}}",
                    ".fetchKeys: must be true or false, not a number",
                ),
                (
                    "{address: 'a:1', tls: {caFile: a}}",
                    ".tls.certificateFile: is required\n.tls.keyFile: is required",
                ),
            ],
        );
    }
}
