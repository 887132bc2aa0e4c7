//! How the name of a key becomes what KMS knows it by.

use proxy_crypto::{KmsContext, ProviderError};

use super::GcpSettings;

const KEYS: &str = "/cryptoKeys/";
const VERSIONS: &str = "/cryptoKeyVersions/";

/// A name is that of a key in the key ring of the settings, short or in full. Names come out of envelopes too: a key elsewhere
/// may be one that whoever wrote the envelope lets everybody use.
pub(super) fn of(settings: &GcpSettings, context: &KmsContext) -> Result<String, ProviderError> {
    let name = context.key.as_str();
    let ring = format!("{}{KEYS}", settings.key_ring);
    let id = if name.contains('/') { name.strip_prefix(&ring) } else { Some(name) };
    match id {
        Some(id) if is_id(id) => Ok(format!("{ring}{id}")),
        _ => {
            let cause = "a key has a name such as payments or, in the keyRing of the settings, \
                         projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version";
            Err(ProviderError::refused(context, cause))
        }
    }
}

/// The version in a full name of one, if it is one of this key.
pub(super) fn version<'a>(key: &str, name: &'a str) -> Option<&'a str> {
    let version = name.strip_prefix(key)?.strip_prefix(VERSIONS)?;
    version.bytes().all(|b| b.is_ascii_digit()).then_some(version)
}

fn is_id(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use proxy_crypto::{ClusterName, KeyName, ProviderName};

    use super::*;
    use crate::gcp::GcpCredentials;

    const RING: &str = "projects/p-1/locations/europe-west3/keyRings/kafka";

    fn name(key: &str) -> Option<String> {
        let url = |text: &str| text.parse().unwrap();
        let settings = GcpSettings {
            endpoint: url("https://cloudkms.googleapis.com"),
            key_ring: RING.to_owned(),
            credentials: GcpCredentials::Metadata(url("http://169.254.169.254")),
            ca: None,
        };
        let context = KmsContext {
            cluster: ClusterName::new("c").unwrap(),
            provider: ProviderName::new("kms").unwrap(),
            key: KeyName::new(key).unwrap(),
        };
        of(&settings, &context).ok()
    }

    #[test]
    fn short_and_full_names_are_of_the_key_ring() {
        let full = format!("{RING}/cryptoKeys/payments_2-a");
        assert_eq!(name("payments_2-a"), Some(full.clone()));
        assert_eq!(name(&full), Some(full.clone()));
        for wrong in [
            "team/payments",
            "payments:1",
            ".",
            "..",
            &format!("{full}/cryptoKeyVersions/1"),
            &format!("{RING}/cryptoKeys"),
            &format!("{RING}/cryptoKeys/"),
            &format!("{RING}/cryptoKeys/.."),
            &format!("{RING}2/cryptoKeys/k"),
            &format!("/{full}"),
        ] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_of_another_project_location_or_ring_is_not_used() {
        for foreign in [
            "projects/p-2/locations/europe-west3/keyRings/kafka/cryptoKeys/k",
            "projects/p-1/locations/global/keyRings/kafka/cryptoKeys/k",
            "projects/p-1/locations/europe-west3/keyRings/other/cryptoKeys/k",
            "projects/example.com:p-1/locations/europe-west3/keyRings/kafka/cryptoKeys/k",
        ] {
            assert_eq!(name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn versions_are_of_the_same_key() {
        let full = format!("{RING}/cryptoKeys/k");
        assert_eq!(version(&full, &format!("{full}/cryptoKeyVersions/12")), Some("12"));
        assert_eq!(version(&full, &format!("{full}2/cryptoKeyVersions/1")), None);
        assert_eq!(version(&full, &format!("{full}/cryptoKeyVersions/1/x")), None);
        assert_eq!(version(&full, &full), None);
    }
}
