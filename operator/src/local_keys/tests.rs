use super::*;
use proptest::prelude::*;

fn secret<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, ByteString> {
    entries
        .into_iter()
        .map(|(entry, text)| (entry.to_owned(), ByteString(text.as_bytes().to_vec())))
        .collect()
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn key() -> String {
    STANDARD.encode([7_u8; KEY_BYTES])
}

fn plan(current: &BTreeMap<String, ByteString>, needed: &[&str]) -> LocalKeys {
    LocalKeys::plan(Some(current), &names(needed.iter().copied()), &BTreeSet::new()).unwrap()
}

fn added(plan: &LocalKeys) -> Vec<&str> {
    plan.added.keys().map(String::as_str).collect()
}

#[test]
fn an_absent_secret_gets_a_first_version_of_each_key() {
    let plan = LocalKeys::plan(None, &names(["payments", "hr.2026"]), &BTreeSet::new()).unwrap();
    assert_eq!(added(&plan), ["hr.2026.v1", "payments.v1"]);
    assert!(plan.refused.is_empty());
    for text in plan.added.values() {
        assert_eq!(STANDARD.decode(text.expose()).unwrap().len(), KEY_BYTES);
    }
}

#[test]
fn every_key_is_another() {
    let needed: Vec<String> = (0..50).map(|n| format!("key-{n}")).collect();
    let plan = LocalKeys::plan(None, &needed.into_iter().collect(), &BTreeSet::new()).unwrap();
    let texts: BTreeSet<&str> = plan.added.values().map(SecretText::expose).collect();
    assert_eq!(texts.len(), 50);
}

#[test]
fn a_key_with_any_version_is_left_alone() {
    let key = key();
    let rotated = secret([("payments.v3", key.as_str())]);
    let plan = plan(&rotated, &["payments"]);
    assert!(plan.added.is_empty() && plan.refused.is_empty() && plan.unusable.is_empty());
}

#[test]
fn names_that_end_like_a_version_are_names() {
    let key = key();
    let current = secret([("payments.v1", key.as_str())]);
    assert_eq!(added(&plan(&current, &["payments", "payments.v1"])), ["payments.v1.v1"]);
}

#[test]
fn a_line_end_after_the_key_is_fine() {
    let text = format!("{}\n", key());
    let current = secret([("payments.v1", text.as_str())]);
    assert!(plan(&current, &["payments"]).unusable.is_empty());
}

#[test]
fn an_unusable_entry_is_named_and_only_its_key_is_refused() {
    let short = STANDARD.encode([7_u8; 31]);
    let current = secret([("payments.v1", short.as_str()), ("hr.v01", "x"), ("notes", "y")]);
    let plan = plan(&current, &["payments", "hr", "other"]);
    assert_eq!(added(&plan), ["other.v1"]);
    let unusable: Vec<_> = plan.unusable.iter().map(|(entry, cause)| (entry.as_str(), cause)).collect();
    assert_eq!(
        unusable,
        [("hr.v01", &EntryError::Name), ("notes", &EntryError::Name), ("payments.v1", &EntryError::Content)]
    );
    let refused = |name: &str| plan.refused[name].to_string();
    assert!(refused("payments").contains("payments.v1"), "{}", refused("payments"));
    assert!(refused("hr").contains("hr.v01"), "{}", refused("hr"));
}

#[test]
fn a_usable_version_outweighs_an_unusable_one() {
    let key = key();
    let current = secret([("payments.v1", "broken"), ("payments.v2", key.as_str())]);
    let plan = plan(&current, &["payments"]);
    assert!(plan.added.is_empty() && plan.refused.is_empty());
    assert_eq!(plan.unusable.len(), 1);
}

#[test]
fn a_key_that_was_used_is_never_made_again() {
    let plan = LocalKeys::plan(None, &names(["old", "new"]), &names(["old"])).unwrap();
    assert_eq!(added(&plan), ["new.v1"]);
    assert_eq!(plan.refused["old"], Refusal::Lost);
}

#[test]
fn a_name_that_no_entry_can_have_is_refused_alone() {
    let longest = "x".repeat(LONGEST_NAME);
    let too_long = "x".repeat(LONGEST_NAME + 1);
    for bad in ["", "a/b", "a b", "..", ".hidden", "ä", "a\n", too_long.as_str()] {
        let plan = plan(&BTreeMap::new(), &[bad, &longest]);
        assert_eq!(plan.refused.get(bad), Some(&Refusal::Name), "{bad:?}");
        assert_eq!(added(&plan), [format!("{longest}.v1")], "{bad:?}");
    }
}

#[test]
fn nothing_of_a_key_is_printed() {
    let plan = LocalKeys::plan(None, &names(["payments"]), &BTreeSet::new()).unwrap();
    let text = plan.added["payments.v1"].expose();
    assert!(!format!("{plan:?}").contains(text));
}

fn entries() -> impl Strategy<Value = BTreeMap<String, ByteString>> {
    let content = prop_oneof![Just(key().into_bytes()), prop::collection::vec(any::<u8>(), 0..60)];
    prop::collection::btree_map("[ab]{1,2}(\\.v[0-2]{1,2})?", content.prop_map(ByteString), 0..8)
}

proptest! {
    #[test]
    fn after_the_plan_every_needed_name_has_a_key_or_a_refusal(
        current in entries(),
        needed in prop::collection::btree_set("[ab./]{0,3}", 0..6),
        used in prop::collection::btree_set("[ab]{1,2}", 0..3),
    ) {
        let plan = LocalKeys::plan(Some(&current), &needed, &used).unwrap();
        let mut next = current;
        for (entry, text) in &plan.added {
            // Never overwrites.
            prop_assert!(next.insert(entry.clone(), ByteString(text.expose().as_bytes().to_vec())).is_none());
        }
        let again = LocalKeys::plan(Some(&next), &needed, &used).unwrap();
        prop_assert!(again.added.is_empty());
        prop_assert_eq!(&again.refused, &plan.refused);
        prop_assert_eq!(&again.unusable, &plan.unusable);
        for name in &needed {
            let versions = next.iter().filter(|(entry, content)| {
                EntryName::parse(entry).is_ok_and(|entry| entry.key == name) && check_content(&content.0).is_ok()
            });
            prop_assert_eq!(versions.count() == 0, plan.refused.contains_key(name));
        }
    }
}
