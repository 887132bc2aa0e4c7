//! Answers.

use super::answer::{self, Decrypted, Encrypted};
use super::key_name;
use super::service_account::ServiceAccount;
use crate::fuzzing::{context, is_told};
use reqwest::StatusCode;

pub(crate) fn fuzz_answer(status: StatusCode, body: &[u8]) {
    match answer::read::<Encrypted>(&context(), status, body) {
        Ok(encrypted) => {
            let key = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
            drop((encrypted.ciphertext(&context()), key_name::version(key, &encrypted.name)));
        }
        Err(error) => is_told(&error),
    }
    match answer::read::<Decrypted>(&context(), status, body) {
        Ok(decrypted) => drop(decrypted.plaintext(&context())),
        Err(error) => is_told(&error),
    }
}

/// The file of a service account.
pub(crate) fn fuzz_file(text: &str) {
    let _ = ServiceAccount::parse(text, || "file".to_owned());
}
