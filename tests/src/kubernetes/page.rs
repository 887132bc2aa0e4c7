//! What pages of the project tell people to type.

use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The blocks of commands of a page's section, in their order.
pub fn commands(page: &str, section: &str) -> Vec<String> {
    let path = Path::new(ROOT).join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let section = text.split(&format!("\n## {section}\n")).nth(1);
    let section = section.unwrap_or_else(|| panic!("{page} has no such section"));
    let section = section.split("\n## ").next().unwrap_or(section);
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}
