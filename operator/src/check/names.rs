//! Names of objects and how fields are written.

/// Whether the API server takes this as the name of an object (RFC 1123).
pub(super) fn is_object_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

/// A JSON pointer in the way of Kubernetes: `/spec/rules/0/topics` as `spec.rules[0].topics`.
pub(super) fn field(pointer: &str) -> String {
    let mut field = String::new();
    for part in pointer.split('/').filter(|part| !part.is_empty()) {
        field = if part.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{field}[{part}]")
        } else {
            member(&field, part)
        };
    }
    field
}

/// The field of a field.
pub(super) fn member(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_kubernetes_does() {
        assert_eq!(field(""), "");
        assert_eq!(field("/spec/rules/0/topics/12/name"), "spec.rules[0].topics[12].name");
    }

    #[test]
    fn names_are_those_of_the_api_server() {
        assert!(is_object_name("a") && is_object_name("my-topic.v1"));
        for name in ["", "A", "a_b", "-a", "a.", "a..b", &"a".repeat(254)] {
            assert!(!is_object_name(name), "{name}");
        }
    }
}
