//! What the server says of a key.

use proxy_crypto::KeyName;

use super::failure::Failure;

const ACTIVE: u32 = 2;
const DEACTIVATED: u32 = 3;
const DESTROYED: u32 = 5;
const DESTROYED_COMPROMISED: u32 = 6;

/// Attributes of a key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) names: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) state: Option<u32>,
}

impl Attributes {
    /// Whether it is the key of this name, or was it before another got the name: a Name is one object's alone, so
    /// that the old key loses it and only its group can tell.
    pub(super) fn is_named(&self, key: &KeyName) -> bool {
        self.names.iter().any(|name| name == key.as_str())
            || self.groups.iter().any(|name| *name == group(key))
    }

    /// Says no for a key that must not be used to decrypt: only active and deactivated ones may, by the standard.
    pub(super) fn may_decrypt(&self) -> Result<(), Failure> {
        match self.state {
            Some(ACTIVE | DEACTIVATED) => Ok(()),
            Some(DESTROYED | DESTROYED_COMPROMISED) => {
                Err(Failure::Gone("the key's state is Destroyed".to_owned()))
            }
            Some(_) => Err(Failure::Refused("the key's state is neither Active nor Deactivated".to_owned())),
            None => Err(Failure::Refused("the server does not tell the key's state".to_owned())),
        }
    }
}

/// The Object Group of keys that have this name or had it.
pub(super) fn group(key: &KeyName) -> String {
    format!("topic-encryption:{}", key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_name_or_group_alone() {
        let key = KeyName::new("a").unwrap();
        let with = |names: &[&str], groups: &[&str]| {
            let [names, groups] =
                [names, groups].map(|texts| texts.iter().map(ToString::to_string).collect());
            Attributes { names, groups, state: None }
        };
        assert!(with(&["b", "a"], &[]).is_named(&key));
        assert!(with(&["b"], &["x", "topic-encryption:a"]).is_named(&key));
        for other in [with(&[], &[]), with(&["topic-encryption:a", "a.old"], &["a", "topic-encryption:ab"])] {
            assert!(!other.is_named(&key), "{other:?}");
        }
    }

    #[test]
    fn keys_that_are_compromised_or_destroyed_do_not_decrypt() {
        let decrypts = |state| Attributes { state, ..Attributes::default() }.may_decrypt();
        assert_eq!([decrypts(Some(2)), decrypts(Some(3))], [Ok(()), Ok(())]);
        for state in [None, Some(1), Some(4), Some(7)] {
            assert!(matches!(decrypts(state), Err(Failure::Refused(_))), "{state:?}");
        }
        for state in [5, 6] {
            assert!(matches!(decrypts(Some(state)), Err(Failure::Gone(_))), "{state}");
        }
    }
}
