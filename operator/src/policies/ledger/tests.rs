use super::Ledger;

const TEXT: &str = "\
# Written by the operator: topic patterns that were ever encrypted, with the key and the policy that each had last.
# Topics that match stay encrypted or are refused, until a rule with the same pattern, of a policy in the same
# namespace, says `encryption: Disabled`. Keep a copy. Removing entries by hand lets data pass in clear.
version: 1
encrypted:
- topic:
    name: refunds
  key:
    provider: default
    name: payments
  policy: kafka/payments
- topic:
    prefix: '1'
  key:
    provider: vault
    name: team/one
  policy: one/all
- topic:
    any: true
  key:
    provider: default
    name: other
  policy: kafka/other
";

#[test]
fn its_text_is_stable() {
    assert_eq!(Ledger::parse(TEXT).unwrap().to_yaml(), TEXT);
    assert_eq!(Ledger::parse(&Ledger::default().to_yaml()).unwrap(), Ledger::default());
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let entry = "topic: {prefix: a}, key: {name: k}, policy: n/p";
    for (text, said) in [
        ("", "version"),
        ("version: 2\nsomething: new\n", "version: must be 1, not 2"),
        ("version: 1\n", "missing field `encrypted`"),
        ("version: 1\nencrypted: []\nowner: me\n", "unknown field `owner`"),
        (&format!("version: 1\nencrypted: [{{{entry}}}, {{{entry}}}]\n"), "encrypted[1].topic: is the same"),
        (
            "version: 1\nencrypted: [{topic: {prefix: a}, key: {name: k}}]\n",
            "encrypted[0]: missing field `policy`",
        ),
        (
            "version: 1\nencrypted: [{topic: {prefix: a}, key: {name: k}, policy: p}]\n",
            "must be the namespace and the name",
        ),
        (
            "version: 1\nencrypted: [{topic: {prefix: a b}, key: {name: k}, policy: n/p}]\n",
            "may only have letters",
        ),
        (
            "version: 1\nencrypted: [{topic: {name: __consumer_offsets}, key: {name: k}, policy: n/p}]\n",
            "internal",
        ),
        (
            "version: 1\nencrypted: [{topic: {any: true}, key: {name: ../k}, policy: n/p}]\n",
            "must not have an empty, '.'",
        ),
    ] {
        let error = Ledger::parse(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}
