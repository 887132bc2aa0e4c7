//! Commands for key management systems that documents print are whole: whoever revokes a key is in a hurry, and guesses nothing.

use crate::files::{documents, read};

/// What owners of keys type at.
const CLIENTS: [&str; 7] = ["gcloud", "az", "ibmcloud", "aws", "bao", "vault", "pkcs11-tool"];

/// Spans and blocks of code in which one of these programs is run.
fn commands(text: &str) -> Vec<&str> {
    let mut code = Vec::new();
    for (index, part) in text.split("```").enumerate() {
        if index % 2 == 1 {
            code.push(part);
        } else {
            code.extend(part.split("\n\n").flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2)));
        }
    }
    code.retain(|code| code.lines().any(runs_a_client));
    code
}

/// Whether a command of a line begins with one of these programs, one inside quotes too.
fn runs_a_client(line: &str) -> bool {
    let mut commands = line.split(['(', '|', '&', ';']);
    commands.any(|command| command.split_whitespace().next().is_some_and(|word| CLIENTS.contains(&word)))
}

/// Whether something is left for the reader to find out.
fn has_a_gap(command: &str) -> bool {
    command.contains("...") || command.contains('…')
}

#[test]
fn commands_for_key_management_systems_are_whole() {
    let mut checked = 0;
    for document in documents() {
        for command in commands(&read(&document)) {
            checked += 1;
            assert!(!has_a_gap(command), "{}: {command}", document.display());
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn a_command_with_a_gap_is_found_wherever_it_stands() {
    for text in [
        "| the right | `az role assignment delete …` |",
        "Then `gcloud kms keys versions\ndestroy 3 ...` ends it.",
        "```sh\nkey=\"$(aws kms create-key ...)\"\n```",
        "```sh\nexport A=b\nibmcloud kp key delete \\\n  …\n```",
    ] {
        assert!(commands(text).into_iter().any(has_a_gap), "{text}");
    }
    for text in ["The text is `vault:v2:…`.", "`kubectl get …`, then `az login`.", "vault … of `bao`"] {
        assert!(!commands(text).into_iter().any(has_a_gap), "{text}");
    }
}
