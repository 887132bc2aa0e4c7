//! Keys in a hardware security module.

use std::path::Path;

use serde::{Serialize, Serializer};

use super::super::read_path;
use crate::path::ConfigPath;
use crate::reader::Field;

/// A token of a hardware security module, by the PKCS#11 library of its vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Provider {
    /// The library.
    pub module: ConfigPath,
    /// Which of its tokens.
    pub token: Pkcs11Token,
    /// File of the user's PIN.
    pub pin_file: ConfigPath,
}

/// Which of a module's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pkcs11Token {
    /// The one with this label.
    Label(String),
    /// The one in the slot of this number.
    Slot(u64),
}

impl Pkcs11Provider {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["module", "tokenLabel", "slot", "pinFile"])?;
        let module = fields.required("module").and_then(|field| read_path(field, base_dir));
        let pin_file = fields.required("pinFile").and_then(|field| read_path(field, base_dir));
        let label = fields.optional("tokenLabel").map(|field| field.parsed(label));
        let slot = fields.optional("slot").map(|field| field.integer(0..=u64::MAX));
        let token = match (label, slot) {
            (Some(label), None) => label.map(|label| Pkcs11Token::Label(label.to_owned())),
            (None, Some(slot)) => slot.map(Pkcs11Token::Slot),
            _ => {
                field.mistake("must have exactly one of tokenLabel, slot");
                None
            }
        };
        Some(Self { module: module?, token: token?, pin_file: pin_file? })
    }
}

// By hand, since the token's field is named after how it is found.
impl Serialize for Pkcs11Provider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Text<'a> {
            module: &'a ConfigPath,
            #[serde(skip_serializing_if = "Option::is_none")]
            token_label: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            slot: Option<u64>,
            pin_file: &'a ConfigPath,
        }
        let (token_label, slot) = match &self.token {
            Pkcs11Token::Label(label) => (Some(label.as_str()), None),
            Pkcs11Token::Slot(slot) => (None, Some(*slot)),
        };
        Text { module: &self.module, token_label, slot, pin_file: &self.pin_file }.serialize(serializer)
    }
}

/// The standard has 32 bytes for it, filled up with blanks.
fn label(text: &str) -> Result<&str, &'static str> {
    if (1..=32).contains(&text.len()) && !text.ends_with(' ') && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err("must be the label of a token, 1 to 32 bytes without a blank at the end")
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{provider, refuses};
    use super::*;
    use crate::proxy::KeyProvider;

    #[test]
    fn takes_a_label_or_a_slot_and_writes_them_back() {
        for (text, token) in [
            (
                "{module: /opt/hsm/lib.so, tokenLabel: payments, pinFile: hsm/pin}",
                Pkcs11Token::Label("payments".to_owned()),
            ),
            (
                "{module: /opt/hsm/lib.so, tokenLabel: 'a token of ours 0123456789 ABCDE', pinFile: hsm/pin}",
                Pkcs11Token::Label("a token of ours 0123456789 ABCDE".to_owned()),
            ),
            ("{module: /opt/hsm/lib.so, slot: 0, pinFile: hsm/pin}", Pkcs11Token::Slot(0)),
            (
                "{module: /opt/hsm/lib.so, slot: 1921724183, pinFile: hsm/pin}",
                Pkcs11Token::Slot(1_921_724_183),
            ),
        ] {
            let KeyProvider::Pkcs11(found) = provider("pkcs11", text).unwrap() else { panic!("{text}") };
            assert_eq!(found.token, token);
            assert_eq!(found.module.as_path(), Path::new("/opt/hsm/lib.so"));
            assert_eq!(found.pin_file.as_path(), Path::new("/etc/proxy/hsm/pin"));
        }
    }

    #[test]
    fn refuses_what_is_mistaken() {
        refuses(
            "pkcs11",
            &[
                (
                    "{}",
                    ".module: is required
.pinFile: is required
: must have exactly one of tokenLabel, slot",
                ),
                (
                    "{module: a.so, tokenLabel: a, slot: 1, pinFile: pin}",
                    ": must have exactly one of tokenLabel, slot",
                ),
                (
                    "{module: a.so, slot: -1, pinFile: pin}",
                    ".slot: must be a whole number from 0 to 18446744073709551615, not -1",
                ),
                (
                    "{module: a.so, tokenLabel: '', pinFile: pin}",
                    ".tokenLabel: must be the label of a token, 1 to 32 bytes without a blank at the end, not \"\"",
                ),
                (
                    "{module: a.so, tokenLabel: 'a ', pinFile: pin}",
                    ".tokenLabel: must be the label of a token, 1 to 32 bytes without a blank at the end, not \"a \"",
                ),
                ("{module: '', slot: 1, pinFile: pin}", ".module: must be a path"),
                (
                    "{module: a.so, slot: 1, pin: '1234'}",
                    ".pin: is not a known field; known are module, tokenLabel, slot, pinFile
.pinFile: is required",
                ),
            ],
        );
        let long = format!("{{module: a.so, tokenLabel: {}, pinFile: pin}}", "a".repeat(33));
        assert!(provider("pkcs11", &long).unwrap_err().contains("1 to 32 bytes"));
    }
}
