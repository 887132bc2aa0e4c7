//! Answers.

use super::answer::{self, Unwrapped, Wrap};
use crate::fuzzing::{context, is_told};
use reqwest::StatusCode;

pub(crate) fn fuzz_answer(status: StatusCode, body: &[u8]) {
    match answer::read::<Wrap>(&context(), true, status, body) {
        Ok(wrap) => drop((wrap.ciphertext(&context()), wrap.key_version.id)),
        Err(error) => is_told(&error),
    }
    match answer::read::<Unwrapped>(&context(), true, status, body) {
        Ok(unwrapped) => drop(unwrapped.plaintext(&context())),
        Err(error) => is_told(&error),
    }
}
