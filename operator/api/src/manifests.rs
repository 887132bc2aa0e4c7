//! The `CustomResourceDefinition`s, as they are installed.

use kube::CustomResourceExt;

use crate::{EncryptionProxy, TopicEncryptionPolicy};

/// Each file below `crds/` with its text.
pub fn crds() -> Result<Vec<(&'static str, String)>, serde_yaml::Error> {
    Ok(vec![
        ("encryptionproxies.yaml", serde_yaml::to_string(&EncryptionProxy::crd())?),
        ("topicencryptionpolicies.yaml", serde_yaml::to_string(&TopicEncryptionPolicy::crd())?),
    ])
}
