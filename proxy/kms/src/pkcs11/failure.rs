//! What the module's return values mean.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use proxy_crypto::{KmsContext, ProviderError};

use crate::question::Failed;

/// `CKR_AEAD_DECRYPT_FAILED` of PKCS#11 3.0, which the library has no name for.
const AEAD_DECRYPT_FAILED: u64 = 0x42;

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Something about the session, the token or the device: a new session may be of help.
    Lost(String),
    /// The same, and the module itself may be the cause.
    Down(String),
    /// The module said no more than that it failed to decrypt.
    Unclear(String),
    /// No answer.
    Unavailable(String),
    /// A definite no.
    Refused(String),
    /// The token does not have this version of the key.
    Gone(String),
    /// This wrapped key is none of the key's, or of another context.
    Corrupt(String),
}

impl Failure {
    pub(super) fn into_error(self, context: &KmsContext) -> ProviderError {
        match self {
            Self::Lost(cause) | Self::Down(cause) | Self::Unclear(cause) | Self::Unavailable(cause) => {
                ProviderError::unavailable(context, cause)
            }
            Self::Refused(cause) => ProviderError::refused(context, cause),
            Self::Gone(cause) => ProviderError::gone(context, cause),
            Self::Corrupt(cause) => ProviderError::corrupt(context, cause),
        }
    }

    /// What an error of the module means for a question about a key. Not for a login, which is never made twice.
    pub(super) fn of(error: &Error) -> Self {
        let said = said(error);
        let Error::Pkcs11(value, function) = error else { return Self::Unavailable(said) };
        match (value, function) {
            (RvError::KeyFunctionNotPermitted, _) => {
                Self::Refused(format!("the key's CKA_ENCRYPT or CKA_DECRYPT does not permit it ({said})"))
            }
            (RvError::KeyTypeInconsistent | RvError::KeySizeRange, _) => {
                Self::Refused(format!("the key is not one for AES-GCM ({said})"))
            }
            (RvError::MechanismInvalid | RvError::MechanismParamInvalid, _) => {
                Self::Unavailable(format!("the token has no AES-GCM with a nonce of the caller's ({said})"))
            }
            (RvError::EncryptedDataInvalid | RvError::SignatureInvalid, Function::Decrypt) => {
                Self::Corrupt(said)
            }
            (RvError::UnknownErrorCode(code), Function::Decrypt) if is(*code, AEAD_DECRYPT_FAILED) => {
                Self::Corrupt(said)
            }
            // SoftHSM answers a wrong tag so, others a broken device.
            (RvError::GeneralError | RvError::FunctionFailed, Function::Decrypt) => Self::Unclear(said),
            (
                RvError::GeneralError
                | RvError::FunctionFailed
                | RvError::DeviceError
                | RvError::DeviceRemoved
                | RvError::CryptokiNotInitialized,
                _,
            ) => Self::Down(said),
            _ => Self::Lost(said),
        }
    }
}

impl Failed for Failure {
    fn to_error(&self, context: &KmsContext) -> ProviderError {
        self.clone().into_error(context)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of(&error)
    }
}

/// An error in the words of the standard: `C_Decrypt: CKR_GENERAL_ERROR`.
pub(super) fn said(error: &Error) -> String {
    match error {
        Error::Pkcs11(value, function) => format!("C_{function:?}: {}", name(value)),
        other => other.to_string(),
    }
}

fn name(value: &RvError) -> String {
    match value {
        RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => format!("CKR {code:#x}"),
        known => {
            let mut name = "CKR".to_owned();
            for c in format!("{known:?}").chars() {
                if c.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(c.to_ascii_uppercase());
            }
            name
        }
    }
}

// How wide a code is depends on the platform.
fn is(code: impl TryInto<u64>, wanted: u64) -> bool {
    code.try_into().is_ok_and(|code| code == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_named_as_the_standard_does() {
        let said = |value| said(&Error::Pkcs11(value, Function::Decrypt));
        assert_eq!(said(RvError::GeneralError), "C_Decrypt: CKR_GENERAL_ERROR");
        assert_eq!(said(RvError::KeyFunctionNotPermitted), "C_Decrypt: CKR_KEY_FUNCTION_NOT_PERMITTED");
        assert_eq!(said(RvError::VendorDefined(0x8000_0001)), "C_Decrypt: CKR 0x80000001");
    }

    #[test]
    fn only_what_is_sure_is_corrupt_or_refused() {
        let of = |value, function| Failure::of(&Error::Pkcs11(value, function));
        for value in [
            RvError::SessionHandleInvalid,
            RvError::SessionClosed,
            RvError::TokenNotPresent,
            RvError::UserNotLoggedIn,
            RvError::KeyHandleInvalid,
            RvError::VendorDefined(0x8000_0001),
        ] {
            for function in [Function::Decrypt, Function::Encrypt, Function::FindObjects] {
                assert!(matches!(of(value, function), Failure::Lost(_)), "{value:?} of {function:?}");
            }
        }
        for value in [RvError::GeneralError, RvError::FunctionFailed] {
            assert!(matches!(of(value, Function::Decrypt), Failure::Unclear(_)));
            assert!(matches!(of(value, Function::DecryptInit), Failure::Down(_)));
        }
        for value in [RvError::DeviceError, RvError::DeviceRemoved, RvError::CryptokiNotInitialized] {
            assert!(matches!(of(value, Function::Decrypt), Failure::Down(_)));
        }
        for value in [RvError::EncryptedDataInvalid, RvError::UnknownErrorCode(0x42)] {
            assert!(matches!(of(value, Function::Decrypt), Failure::Corrupt(_)));
            assert!(matches!(of(value, Function::Encrypt), Failure::Lost(_)));
        }
        assert!(matches!(of(RvError::KeyFunctionNotPermitted, Function::EncryptInit), Failure::Refused(_)));
    }
}
