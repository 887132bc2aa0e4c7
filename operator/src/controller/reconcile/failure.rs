//! What a pass that ended early is told as, on the resources that it was for: a reason that does not change, what failed in
//! the API server's words, and what to do. Never the content of a Secret.

use super::Error;
use crate::controller::{apply, dereference};

/// As much of the API server's words as helps.
const MAX_WORDS: usize = 500;

/// Why a pass ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// As it stands in conditions and metrics.
    pub(crate) reason: &'static str,
    /// What failed, and what to do.
    pub(crate) message: String,
    /// Whether it is likely to be so the next time, too. What passes by itself, such as a conflict, turns no resource that
    /// was ready.
    pub(crate) lasts: bool,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        let Some((what, kind, cause)) = request(error) else {
            return Self { reason: error.reason(), message: tried_again(&own_words(error), ""), lasts: true };
        };
        let kube::Error::Api(status) = cause else {
            let advice = "the operator's log says more";
            let message = tried_again(&format!("{what}: the API server gave no usable answer"), advice);
            return Self { reason: error.reason(), message, lasts: false };
        };
        let code = status.code;
        // What the server says of a Secret that it does not take may be what is in it.
        let words: String = match kind {
            "Secret" if matches!(code, 400 | 422) => String::new(),
            _ => status.message.chars().take(MAX_WORDS).collect(),
        };
        let said = format!("{what}: the API server answered {code}: {words}");
        let message = tried_again(said.trim_end_matches([':', ' ']), advice(error, kind, code, &words));
        Self { reason: error.reason(), message, lasts: is_definite(code) }
    }
}

fn tried_again(what: &str, advice: &str) -> String {
    let advice = if advice.is_empty() { String::new() } else { format!("; {advice}") };
    format!("{what}{advice}. It is tried again")
}

fn is_definite(code: u16) -> bool {
    (400..500).contains(&code) && !matches!(code, 408 | 409 | 429)
}

/// What was asked of the API server, of which kind, and how it failed.
fn request(error: &Error) -> Option<(String, &str, &kube::Error)> {
    let (what, kind, source) = match error {
        Error::Dereference(
            inner @ (dereference::Error::List { kind, source }
            | dereference::Error::Read { kind, source, .. }),
        ) => (inner.to_string(), kind.as_str(), source),
        Error::Apply(
            inner @ (apply::Error::Apply { kind, source, .. }
            | apply::Error::Delete { kind, source, .. }
            | apply::Error::List { kind, source }),
        ) => (inner.to_string(), kind.as_str(), source),
        Error::Apply(inner @ apply::Error::Nudge { source, .. }) => (inner.to_string(), "Pod", source),
        _ => return None,
    };
    Some((what, kind, source))
}

/// Errors of ours say what to do, and their texts are written for people.
fn own_words(error: &Error) -> String {
    let mut words = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        words = format!("{words}: {cause}");
    }
    words
}

fn advice(error: &Error, kind: &str, code: u16, words: &str) -> &'static str {
    match (error, code) {
        (_, 403) if words.contains("exceeded quota") => {
            "raise the quota, or ask for less by resources of the EncryptionProxy"
        }
        (_, 400..500) if words.contains("admission webhook") || words.contains("denied") => {
            "an admission policy refuses it: change that, or what it objects to by template of the EncryptionProxy"
        }
        (_, 403) => {
            "give the operator the rights of the chart's Role in that namespace: list it in watchNamespaces of the chart, or \
             correct spec.kafkaRef"
        }
        (Error::Apply(_), 404) if kind == "Certificate" => {
            "install cert-manager, or take tls.issuerRef out of the EncryptionProxy"
        }
        (_, 404) => "its resource definition or its namespace is not there: create what is missing",
        (Error::Apply(_), 400 | 422) => "correct template or the other settings of the EncryptionProxy",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
