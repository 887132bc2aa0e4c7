//! What `gcpKms` may say.

use super::super::KeyProvider;
use super::super::testing::{provider, refuses};
use super::*;

fn gcp(text: &str) -> GcpKmsProvider {
    match provider("gcpKms", text).unwrap() {
        KeyProvider::GcpKms(gcp) => *gcp,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_ring_is_enough() {
    let least = gcp("{keyRing: projects/p/locations/l/keyRings/r}");
    assert_eq!(least.endpoint, "https://cloudkms.googleapis.com");
    assert_eq!(
        (least.key_ring.as_str(), &least.credentials, &least.tls),
        ("projects/p/locations/l/keyRings/r", &GcpKmsCredentials::Metadata, &None)
    );
    assert_eq!(gcp("{keyRing: projects/p/locations/l/keyRings/r, credentials: {metadata: true}}"), least);
}

#[test]
fn everything_is_read() {
    let all = gcp("{
      endpoint: 'https://kms.example:8443',
      keyRing: projects/example.com:p/locations/europe-west3/keyRings/kafka,
      credentials: {workloadIdentity: {
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x',
        tokenFile: token,
        serviceAccount: proxy@p.iam.gserviceaccount.com,
        stsEndpoint: 'https://sts.example',
        iamCredentialsEndpoint: 'https://iam.example',
      }},
      tls: {caFile: ca.crt},
    }");
    let GcpKmsCredentials::WorkloadIdentity(identity) = &all.credentials else { panic!("{all:?}") };
    assert_eq!(identity.token_file.as_path(), Path::new("/etc/proxy/token"));
    assert_eq!(identity.service_account.as_deref(), Some("proxy@p.iam.gserviceaccount.com"));
    assert_eq!(
        (identity.sts_endpoint.as_str(), identity.iam_credentials_endpoint.as_str()),
        ("https://sts.example", "https://iam.example")
    );
    assert_eq!(all.tls.unwrap().ca_file.as_path(), Path::new("/etc/proxy/ca.crt"));
    let file =
        gcp("{keyRing: projects/p/locations/l/keyRings/r, credentials: {serviceAccountFile: /run/key.json}}");
    let GcpKmsCredentials::ServiceAccountFile(path) = file.credentials else { panic!("{file:?}") };
    assert_eq!(path.as_path(), Path::new("/run/key.json"));
}

#[test]
fn what_is_mistaken_is_refused() {
    let ring = "must be a key ring such as projects/my-project/locations/europe-west3/keyRings/kafka";
    let audience = "must be the provider of a pool: \
                    //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
    refuses(
        "gcpKms",
        &[
            ("{}", ".keyRing: is required"),
            ("{keyRing: kafka}", &format!(".keyRing: {ring}, not \"kafka\"")),
            (
                "{keyRing: 'projects/p/locations/l/keyRings/r:2'}",
                &format!(".keyRing: {ring}, not \"projects/p/locations/l/keyRings/r:2\""),
            ),
            (
                "{keyRing: projects/../locations/l/keyRings/r}",
                &format!(".keyRing: {ring}, not \"projects/../locations/l/keyRings/r\""),
            ),
            (
                "{keyRing: projects/p/locations/l/keyRings/r, credentials: {}}",
                ".credentials: must have exactly one of metadata, workloadIdentity, serviceAccountFile",
            ),
            ("{keyRing: projects/p/locations/l/keyRings/r, credentials: {metadata: false}}", ".credentials.metadata: must be true"),
            (
                "{keyRing: projects/p/locations/l/keyRings/r, credentials: {workloadIdentity: {audience: sts, serviceAccount: a/b@c}}}",
                &format!(
                    ".credentials.workloadIdentity.audience: {audience}, not \"sts\"
.credentials.workloadIdentity.tokenFile: is required
.credentials.workloadIdentity.serviceAccount: must be a service account such as proxy@my-project.iam.gserviceaccount.com, not \"a/b@c\""
                ),
            ),
            (
                "{keyRing: projects/p/locations/l/keyRings/r, endpoint: 'http://kms.example'}",
                ".endpoint: must be https://HOST or https://HOST:PORT (http:// for 127.0.0.1, [::1] and localhost only), not \"http://kms.example\"",
            ),
            ("{keyRing: projects/p/locations/l/keyRings/r, tls: {certificateFile: a}}", ".tls.certificateFile: is not a known field; known are caFile
.tls.caFile: is required"),
        ],
    );
}
