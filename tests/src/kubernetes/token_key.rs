//! The public key by which a cluster's tokens are known.

use std::fmt::Write as _;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::RsaPublicKeyComponents;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::node::Kubernetes;

/// The width of a line of PEM.
const LINE: usize = 64;

/// As PEM; the API server gives it as a set of JSON web keys.
pub(super) async fn pem(kubernetes: &Kubernetes) -> String {
    let set = kubernetes.kubectl(&["get", "--raw", "/openid/v1/jwks"]).await;
    let set = set.unwrap_or_else(|failed| panic!("{failed}"));
    let set: Value = serde_json::from_str(&set).expect("the API server speaks JSON");
    let number = |name: &str| {
        let text = set["keys"][0][name].as_str().unwrap_or_else(|| panic!("an RSA key: {set}"));
        URL_SAFE_NO_PAD.decode(text).expect("numbers of keys are in base64url")
    };
    let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    let der = key.as_der().expect("the API server's key is one");
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    let body = STANDARD.encode(der.as_ref());
    for line in body.as_bytes().chunks(LINE) {
        writeln!(pem, "{}", String::from_utf8_lossy(line)).expect("memory takes everything");
    }
    pem + "-----END PUBLIC KEY-----\n"
}
