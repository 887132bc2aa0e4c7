//! How the name of a key becomes what KMS knows it by.

use std::borrow::Cow;

use proxy_crypto::KeyName;

use crate::id::{is_simple_uuid, is_uuid};

/// What ids of multi-Region keys begin with.
const MULTI_REGION: &str = "mrk-";

/// Key ids, ARNs and aliases are taken as they are; any other name is that of an alias.
pub(super) fn of(key: &KeyName) -> Cow<'_, str> {
    let name = key.as_str();
    if name.starts_with("arn:") || name.starts_with("alias/") || is_key_id(name) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("alias/{name}"))
    }
}

/// Whether the name is that of one key wherever it is asked for, and of none that can be made again: the ARN of a key in the
/// region that is asked. An id is looked for in whatever account and region the settings come to, and a replica of a
/// multi-Region key can be made anew from its primary, with the same key material.
pub(super) fn is_unique(key: &KeyName, region: &str) -> bool {
    let parts: Vec<&str> = key.as_str().split(':').collect();
    let ["arn", _, "kms", of, account, resource] = parts[..] else { return false };
    let id = resource.strip_prefix("key/").unwrap_or_default();
    of == region && !account.is_empty() && is_uuid(id)
}

/// A UUID, or the id of a multi-Region key.
fn is_key_id(name: &str) -> bool {
    name.strip_prefix(MULTI_REGION).map_or_else(|| is_uuid(name), is_simple_uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_id_is_that_of_an_alias() {
        let id = |name: &str| of(&KeyName::new(name).unwrap()).into_owned();
        for same in [
            "alias/payments",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:alias/payments",
        ] {
            assert_eq!(id(same), same);
        }
        for alias in [
            "payments",
            "team-a/payments",
            "mrk-1",
            "1234abcd-12ab-34cd-56ef",
            "1234abcg-12ab-34cd-56ef-1234567890ab",
        ] {
            assert_eq!(id(alias), format!("alias/{alias}"));
        }
    }

    #[test]
    fn only_the_arn_of_a_key_in_the_region_that_is_asked_is_unique() {
        let unique = |name: &str| is_unique(&KeyName::new(name).unwrap(), "eu-central-1");
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        assert!(unique(&format!("arn:aws:kms:eu-central-1:111122223333:key/{id}")));
        assert!(unique(&format!("arn:aws-us-gov:kms:eu-central-1:111122223333:key/{id}")));
        for other in [
            id,
            "payments",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:alias/payments",
            "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-central-1::key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
        ] {
            assert!(!unique(other), "{other}");
        }
    }
}
