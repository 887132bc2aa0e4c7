//! Answers, and wrapped keys.

use super::wrapped::Wrapped;
use super::{Binding, answer};
use crate::fuzzing::{context, is_told};
use reqwest::StatusCode;

pub(crate) fn fuzz_answer(status: StatusCode, body: &[u8]) {
    if let Err(error) = answer::data(&context(), status, body) {
        is_told(&error);
    }
    is_told(&answer::login_failed(&context(), status, body));
}

pub(crate) fn fuzz_wrapped(data: &[u8]) {
    if let Some(wrapped) = Wrapped::parse(data) {
        assert_eq!(wrapped.to_key().as_bytes(), data, "a wrapped key has one spelling");
    }
}

pub(crate) fn seed() -> Option<Vec<u8>> {
    Wrapped::new(Binding::DerivedKey, "vault:v12:YWJj").map(|key| key.to_key().as_bytes().to_vec())
}
