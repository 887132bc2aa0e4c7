//! How the name of a key becomes what KMS knows it by.

use proxy_crypto::{KmsContext, ProviderError};

use super::GcpSettings;

const PARTS: [&str; 4] = ["projects", "locations", "keyRings", "cryptoKeys"];
const VERSIONS: &str = "/cryptoKeyVersions/";

/// A full name is taken as it is; any other name is that of a key in the key ring of the settings.
pub(super) fn of(settings: &GcpSettings, context: &KmsContext) -> Result<String, ProviderError> {
    let name = context.key.as_str();
    let full = match &settings.key_ring {
        _ if name.contains('/') => name.to_owned(),
        Some(ring) => format!("{ring}/cryptoKeys/{name}"),
        None => {
            let cause = "a key without a keyRing in the provider's settings has a full name: \
                         projects/P/locations/L/keyRings/R/cryptoKeys/K";
            return Err(ProviderError::refused(context, cause));
        }
    };
    if is_full(&full) {
        Ok(full)
    } else {
        let cause = "a key has a name such as payments or projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version";
        Err(ProviderError::refused(context, cause))
    }
}

/// The version in a full name of one, if it is one of this key.
pub(super) fn version<'a>(key: &str, name: &'a str) -> Option<&'a str> {
    let version = name.strip_prefix(key)?.strip_prefix(VERSIONS)?;
    version.bytes().all(|b| b.is_ascii_digit()).then_some(version)
}

fn is_full(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    let id = |text: &&str| !text.is_empty() && !text.starts_with('.') && text.bytes().all(allowed);
    parts.len() == 2 * PARTS.len()
        && parts.iter().step_by(2).zip(PARTS).all(|(part, wanted)| *part == wanted)
        && parts.iter().skip(1).step_by(2).all(id)
}

#[cfg(test)]
mod tests {
    use proxy_crypto::{ClusterName, KeyName, ProviderName};

    use super::*;
    use crate::gcp::GcpCredentials;

    const RING: &str = "projects/p-1/locations/europe-west3/keyRings/kafka";

    fn name(ring: Option<&str>, key: &str) -> Option<String> {
        let url = |text: &str| text.parse().unwrap();
        let settings = GcpSettings {
            endpoint: url("https://cloudkms.googleapis.com"),
            key_ring: ring.map(str::to_owned),
            credentials: GcpCredentials::Metadata(url("http://metadata.google.internal")),
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
    fn short_names_are_of_the_key_ring_and_full_ones_are_taken_as_they_are() {
        let full = format!("{RING}/cryptoKeys/payments");
        assert_eq!(name(Some(RING), "payments"), Some(full.clone()));
        assert_eq!(name(None, &full), Some(full.clone()));
        let other = "projects/example.com:p/locations/global/keyRings/r/cryptoKeys/k";
        assert_eq!(name(Some(RING), other).as_deref(), Some(other));
        assert_eq!(name(None, "payments"), None);
        for wrong in [
            "team/payments",
            &format!("{full}/cryptoKeyVersions/1"),
            &format!("{RING}/cryptoKeys"),
            "projects/../locations/l/keyRings/r/cryptoKeys/k",
            "projects/p/locations/l/keyrings/r/cryptoKeys/k",
        ] {
            assert_eq!(name(Some(RING), wrong), None, "{wrong}");
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
