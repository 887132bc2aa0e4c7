//! Where the keys are, and how to log in.

use std::path::PathBuf;

/// A token of a hardware security module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Settings {
    /// The module: the shared library that its vendor gives.
    pub module: PathBuf,
    /// Which of the module's tokens.
    pub token: Pkcs11Token,
    /// The file of the user's PIN.
    pub pin: PathBuf,
}

/// Which of a module's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pkcs11Token {
    /// The one with this label.
    Label(String),
    /// The one in the slot of this number.
    Slot(u64),
}
