//! How the name of a key becomes what KMS knows it by.

use std::borrow::Cow;

use proxy_crypto::KeyName;

/// Key ids, ARNs and aliases are taken as they are; any other name is that of an alias.
pub(super) fn of(key: &KeyName) -> Cow<'_, str> {
    let name = key.as_str();
    if name.starts_with("arn:") || name.starts_with("alias/") || is_key_id(name) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("alias/{name}"))
    }
}

/// A UUID, or the id of a multi-Region key.
fn is_key_id(name: &str) -> bool {
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(id) = name.strip_prefix("mrk-") {
        return hex(id, 32);
    }
    let parts: Vec<&str> = name.split('-').collect();
    let lengths = [8, 4, 4, 4, 12];
    parts.len() == lengths.len() && parts.iter().zip(lengths).all(|(part, length)| hex(part, length))
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
}
