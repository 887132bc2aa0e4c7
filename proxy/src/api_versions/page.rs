//! The table as a page to read.

use super::{APIS, Api, AsItself, Handling};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "# APIs

Every API of Kafka's protocol, and what the proxy does with it. This page is made of the table in
[api_versions.rs](../src/api_versions.rs) by `make generate`.

- **Relayed**: requests and answers go through byte for byte.
- **Rewritten**: looked into, for what the table says; all else in them stays.
- **Refused**: never passed on.

Of each API the versions up to the one in the table go through, as far as the broker has them; the oldest is always the broker's.

Clients ask which versions there are when they connect. They find neither refused APIs nor versions beyond the table, and choose others.
Where there is no other choice, Java's clients say `UnsupportedVersionException` and send nothing: \"The node does not support
REMOVE_RAFT_VOTER\". Whoever sends such a request all the same, or one that is not on this page, gets no answer: the connection is closed,
and the proxy's log says `API key 81 version 0 does not go through`, and why.

Under the proxy's [own identity](proxy.md#the-proxys-own-identity) some of them are treated in another way, as their rows
say.

| key | API | versions | |
| --- | --- | --- | --- |
";

/// Compared with the table; written where `REGENERATE` is set.
#[test]
fn the_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/apis.md");
    let wanted = APIS.iter().fold(HEAD.to_owned(), |mut page, api| {
        writeln!(page, "{}", line(api)).unwrap();
        page
    });
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        let current = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(current == wanted, "docs/apis.md is not what the table has: make generate");
    }
}

fn line(api: &Api) -> String {
    let (versions, mut what) = match api.handling {
        Handling::Relayed => (format!("to {}", api.max), "relayed".to_owned()),
        Handling::AltersTopics => (
            format!("to {}", api.max),
            "relayed; what is known of the topics in its answer is asked for anew".to_owned(),
        ),
        Handling::Rewritten(what) => (format!("to {}", api.max), format!("rewritten: {what}")),
        Handling::Refused(why) => ("none".to_owned(), format!("refused: {why}")),
    };
    if let Some(why) = api.held_back {
        write!(what, ". No newer version: {why}").unwrap();
    }
    match api.as_itself {
        AsItself::Same => {}
        AsItself::Answered(with) => {
            write!(what, ". Under the proxy's own identity answered with {with}").unwrap();
        }
        AsItself::Refused(why) => write!(what, ". Refused under the proxy's own identity: {why}").unwrap(),
    }
    format!("| {} | {} | {versions} | {what} |", api.key, api.name)
}
