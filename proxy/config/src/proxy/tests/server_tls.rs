//! TLS of listeners.

use super::{MINIMAL, parse};
use crate::{CipherSuite, ClientCertificates, Principal, ServerTls, TlsVersion};

fn read(tls: &str) -> Result<ServerTls, String> {
    let text = MINIMAL.replacen(
        "advertisedHost: 127.0.0.1",
        &format!("advertisedHost: 127.0.0.1\n    tls: {{certificateFile: a.crt, keyFile: a.key{tls}}}"),
        1,
    );
    parse(&text).map(|config| config.listeners.into_iter().next().unwrap().tls.unwrap())
}

#[test]
fn nothing_more_is_needed_than_the_certificate() {
    let tls = read("").unwrap();
    assert_eq!((tls.min_version, &tls.cipher_suites), (TlsVersion::Tls12, &None));
    assert!(!tls.demands_certificates());
}

#[test]
fn clients_and_versions_can_be_chosen() {
    let tls = read(
        ", clientCaFile: ca.crt, clientCrlFile: ca.crl, allowedPrincipals: [CN=payments, 'CN=audit,O=example'], \
         minVersion: TLSv1.3, cipherSuites: [TLS_AES_256_GCM_SHA384]",
    )
    .unwrap();
    let principals = tls.allowed_principals.as_ref().unwrap();
    assert_eq!(
        principals.iter().map(Principal::as_str).collect::<Vec<_>>(),
        ["CN=payments", "CN=audit,O=example"]
    );
    assert!(tls.demands_certificates() && tls.client_crl_file.is_some());
    assert_eq!((tls.min_version, tls.cipher_suites), (TlsVersion::Tls13, Some(vec![CipherSuite::Aes256Gcm])));
    let tls = read(", clientCaFile: ca.crt, clientCertificates: Optional").unwrap();
    assert_eq!(tls.client_certificates, ClientCertificates::Optional);
    assert!(!tls.demands_certificates());
}

#[test]
fn refuses_what_would_not_do_what_it_says() {
    let needs_authority = "needs clientCaFile or clientCaDirectory";
    let cases = [
        (", clientCrlFile: ca.crl", "clientCrlFile", needs_authority),
        (", allowedPrincipals: [CN=a]", "allowedPrincipals", needs_authority),
        (", clientCertificates: Optional", "clientCertificates", needs_authority),
        (
            ", clientCaFile: ca.crt, clientCertificates: Optional, allowedPrincipals: [CN=a]",
            "allowedPrincipals",
            "needs clientCertificates: Required, or whoever shows no certificate would be allowed",
        ),
        (
            ", clientCaFile: ca.crt, allowedPrincipals: []",
            "allowedPrincipals",
            "must have at least one entry",
        ),
        (
            ", clientCaFile: ca.crt, allowedPrincipals: [payments]",
            "allowedPrincipals[0]",
            "must be the subject of a certificate in the form of RFC 2253, such as CN=payments,O=example, not \"payments\"",
        ),
        (
            ", minVersion: TLSv1.3, cipherSuites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
            "cipherSuites",
            "must have a cipher suite of TLSv1.3, since minVersion is TLSv1.3",
        ),
        (", minVersion: TLSv1.1", "minVersion", "must be TLSv1.2 or TLSv1.3, not \"TLSv1.1\""),
    ];
    for (tls, field, problem) in cases {
        assert_eq!(read(tls).unwrap_err(), format!("listeners[0].tls.{field}: {problem}"), "{tls}");
    }
}
