//! Pseudonyms in place of keys of records.

use super::super::*;
use super::{parse, refusal};

/// What a rule says beside `format: Record`, for the text of a key.
fn said(key: &str) -> String {
    format!(", format: Record, recordKeys: {{pseudonymKey: {key}}}")
}

fn policy(said: &str) -> Result<Policy, String> {
    parse(&format!("rules: [{{topics: [{{any: true}}], key: {{name: k}}{said}}}]"))
}

#[test]
fn pseudonym_keys_are_read_and_written_only_where_a_rule_has_one() {
    let with = policy(&said("AQID/w==")).unwrap();
    let rule = with.encrypt_rules().next().unwrap();
    let key = rule.pseudonym_key.as_ref().unwrap();
    assert_eq!(key.as_bytes(), [1, 2, 3, 255]);
    assert_eq!(*key, PseudonymKey::new([1, 2, 3, 255]).unwrap());
    assert!(with.to_yaml().contains("AQID/w=="), "{}", with.to_yaml());
    assert_eq!(parse(&with.to_yaml()).unwrap(), with);
    assert_eq!(
        rule.to_string(),
        "encrypted with key k of provider default (format Record, onPlaintext Pass, recordKeys pseudonyms)"
    );
    let other = policy(&said("AQID/g==")).unwrap();
    let without = policy(", format: Record").unwrap();
    assert!(with != other && with != without);
    // Programs of an earlier version refuse fields that they do not know.
    assert!(!without.to_yaml().contains("recordKeys"));
    // What looks like a number as it is written is text as it is read.
    let digits = policy(&said("'1234'")).unwrap();
    assert_eq!(parse(&digits.to_yaml()).unwrap(), digits, "{}", digits.to_yaml());
}

#[test]
fn debug_shows_nothing_of_a_pseudonym_key() {
    let policy = policy(&said("AQID/w==")).unwrap();
    let shown = format!("{:?}", policy.encrypt_rules().next().unwrap());
    assert!(shown.contains("pseudonym_key: Some(PseudonymKey(4 bytes))"), "{shown}");
}

#[test]
fn mistakes_about_pseudonym_keys_do_not_repeat_them() {
    const WRONG: &str = "rules[0].recordKeys.pseudonymKey: must be base64 of 1 to 4096 bytes, \
        as `topic-encryption-proxy keys pseudonym` prints a wrapped key";
    // Without its padding, of the other alphabet, with bits that mean nothing, with a space, or of no or too many bytes.
    for key in ["AQID/w", "AQID_w==", "AQID/x==", "'AQID /w=='", "''"] {
        assert_eq!(policy(&said(key)).unwrap_err(), WRONG, "{key}");
    }
    let [most, too_many] =
        [4096, 4097].map(|bytes| "A".repeat(bytes / 3 * 4) + ["", "AA==", "AAA="][bytes % 3]);
    assert_eq!(policy(&said(&most)).unwrap().rules().len(), 1);
    assert_eq!(policy(&said(&too_many)).unwrap_err(), WRONG);
}

#[test]
fn pseudonym_keys_stand_beside_record_format_alone() {
    let only_record = "rules[0].recordKeys: must only be given beside format: Record, as batch format encrypts all keys of records";
    for format in ["", ", format: Auto", ", format: Batch"] {
        let told = policy(&format!("{format}, recordKeys: {{pseudonymKey: AQID}}")).unwrap_err();
        assert_eq!(told, only_record, "{format}");
    }
    for (rule, told) in [
        (", format: Record, recordKeys: {}", "rules[0].recordKeys.pseudonymKey: is required"),
        (", format: Record, recordKeys: AQID", "rules[0].recordKeys: must be a mapping, not text"),
    ] {
        assert_eq!(policy(rule).unwrap_err(), told);
    }
    for encryption in ["Pending, key: {name: k}", "Retired", "Disabled"] {
        let rule = format!(
            "{{topics: [{{name: a}}], encryption: {encryption}, recordKeys: {{pseudonymKey: AQID}}}}"
        );
        assert_eq!(refusal(&[&rule]), "rules[0].recordKeys: must not be given beside encryption");
    }
}
