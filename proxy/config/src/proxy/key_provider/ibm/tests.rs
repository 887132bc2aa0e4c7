//! What `ibmKeyProtect` may say.

use super::super::KeyProvider;
use super::super::testing::{provider, refuses};
use super::*;

fn ibm(text: &str) -> IbmKeyProtectProvider {
    match provider("ibmKeyProtect", text).unwrap() {
        KeyProvider::IbmKeyProtect(ibm) => *ibm,
        other => panic!("{other:?}"),
    }
}

/// Conformance: P17-25.
#[test]
fn an_instance_and_an_api_key_are_enough() {
    let least =
        ibm("{endpoint: 'https://eu-de.kms.cloud.ibm.com', instanceId: i-1, credentials: {apiKeyFile: key}}");
    assert_eq!(
        (least.instance_id.as_str(), least.iam_endpoint.as_str()),
        ("i-1", "https://iam.cloud.ibm.com")
    );
    let IbmCredentials::ApiKeyFile(file) = &least.credentials else { panic!("{least:?}") };
    assert_eq!(file.as_path(), Path::new("/etc/proxy/key"));
    assert_eq!((least.key_ring, least.tls), (None, None));
}

/// Conformance: TE-13.
#[test]
fn everything_is_read() {
    let all = ibm("{
      endpoint: 'https://private.eu-de.kms.cloud.ibm.com', instanceId: i-1, keyRing: kafka,
      iamEndpoint: 'https://private.iam.cloud.ibm.com',
      credentials: {trustedProfile: {profileId: Profile-1, tokenFile: /run/token}},
      tls: {caFile: ca.crt},
    }");
    assert_eq!(
        (all.key_ring.as_deref(), all.iam_endpoint.as_str()),
        (Some("kafka"), "https://private.iam.cloud.ibm.com")
    );
    let IbmCredentials::TrustedProfile(profile) = all.credentials else { panic!("it is a profile") };
    assert_eq!(
        (profile.profile_id.as_str(), profile.token_file.as_path()),
        ("Profile-1", Path::new("/run/token"))
    );
    assert_eq!(all.tls.unwrap().ca_file.as_path(), Path::new("/etc/proxy/ca.crt"));
}

/// Conformance: TE-09.
#[test]
fn what_is_mistaken_is_refused() {
    let good = "endpoint: 'https://eu-de.kms.cloud.ibm.com', instanceId: i-1";
    let id = "must be an id of 1 to 128 letters, digits, '-' and '_'";
    refuses(
        "ibmKeyProtect",
        &[
            (
                "{}",
                ".endpoint: is required
.instanceId: is required
.credentials: is required",
            ),
            (
                &format!("{{{good}, credentials: {{}}}}"),
                ".credentials: must have exactly one of apiKeyFile, trustedProfile",
            ),
            (
                &format!("{{{good}, keyRing: 'a b', credentials: {{trustedProfile: {{profileId: 'a=b'}}}}}}"),
                &format!(
                    ".keyRing: {id}, not \"a b\"
.credentials.trustedProfile.profileId: {id}, not \"a=b\"
.credentials.trustedProfile.tokenFile: is required"
                ),
            ),
        ],
    );
}
