//! Answers.

use super::answer::{self, Operation};
use crate::fuzzing::{context, is_told};
use reqwest::StatusCode;

pub(crate) fn fuzz_answer(status: StatusCode, body: &[u8]) {
    for operation in [Operation::Wrap, Operation::Unwrap] {
        match answer::read(&context(), operation, status, body) {
            Ok(done) => drop((done.version(&context()), done.value(&context()))),
            Err(error) => is_told(&error),
        }
    }
}
