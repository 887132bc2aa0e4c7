//! `proxy/docs/migration.md` shows only what the parser takes.

use std::collections::BTreeSet;
use std::path::Path;

use proxy_config::{Policy, ProviderName};

const PAGE: &str = include_str!("../../docs/migration.md");

/// The blocks of one kind; most stand in lists.
fn blocks(kind: &str) -> Vec<String> {
    let open = format!("```yaml {kind}\n");
    let blocks = PAGE.split(&open).skip(1).map(|rest| {
        let block = rest.split("```").next().expect("a split has a first part");
        block.lines().map(|line| line.strip_prefix("   ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
    });
    blocks.collect()
}

/// Conformance: TE-B10.
#[test]
fn policies_are_valid_and_read_what_their_section_is_about() {
    let providers: BTreeSet<_> =
        ["default", "vault"].map(|name| ProviderName::new(name).expect("a valid name")).into();
    let policies: Vec<_> = blocks("policy")
        .iter()
        .map(|text| Policy::parse(text, &providers).unwrap_or_else(|error| panic!("{error}: {text}")))
        .collect();
    let legacy: Vec<_> = policies.iter().map(|policy| policy.rules()[0].legacy.to_string()).collect();
    assert_eq!(
        legacy,
        [
            "reads TopicEncryptionV1 with key orders-topic-encryption of provider default too",
            "reads KroxyliciousV2 with keys KEK-orders.in, KEK-orders.out of provider default too",
        ]
    );
    // The operator's tests have the other kind.
    assert_eq!(PAGE.matches("```yaml").count(), policies.len() + blocks("topicencryptionpolicy").len());
}

#[test]
fn files_and_sections_that_it_names_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for link in PAGE.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let (file, section) = link.split_once('#').unwrap_or((link, ""));
        let page = if file.is_empty() {
            PAGE.to_owned()
        } else {
            std::fs::read_to_string(folder.join(file)).expect(link)
        };
        let titles = page.lines().filter(|line| line.starts_with('#'));
        let mut anchors =
            titles.map(|title| title.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"));
        assert!(section.is_empty() || anchors.any(|anchor| anchor == section), "{link}");
    }
}
