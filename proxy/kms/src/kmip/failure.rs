//! What the server's result reasons mean.

use proxy_crypto::{KmsContext, ProviderError};

use crate::question::Failed;

/// The longest part of the server's own words that is repeated.
const LONGEST: usize = 200;

/// Why a question came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// No answer.
    Unavailable(String),
    /// The server said no more than that it failed.
    Unclear(String),
    /// A definite no.
    Refused(String),
    /// The key is not there (any more).
    Gone(String),
    /// This wrapped key is none of the key's, or of another context.
    Corrupt(String),
}

impl Failure {
    pub(super) fn into_error(self, context: &KmsContext) -> ProviderError {
        match self {
            Self::Unavailable(cause) | Self::Unclear(cause) => ProviderError::unavailable(context, cause),
            Self::Refused(cause) => ProviderError::refused(context, cause),
            Self::Gone(cause) => ProviderError::gone(context, cause),
            Self::Corrupt(cause) => ProviderError::corrupt(context, cause),
        }
    }

    /// What the server says with a result reason.
    pub(super) fn of(reason: u32, message: &str) -> Self {
        let name = name(reason).map_or_else(|| format!("result reason {reason:#x}"), str::to_owned);
        let message: String =
            message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
        let cause = match message.trim() {
            "" => name,
            message => format!("{name}: {message}"),
        };
        match reason {
            0x01 | 0x36 | 0x37 => Self::Gone(cause),
            0x03 | 0x05 | 0x08 | 0x0b..=0x0d | 0x10 | 0x13..=0x17 | 0x29 | 0x39 | 0x43 => {
                Self::Refused(cause)
            }
            // A tag that does not fit is among these; servers differ in which they say.
            0x04 | 0x06 | 0x07 | 0x0a | 0x24 | 0x2a | 0x2d | 0x100 => Self::Unclear(cause),
            _ => Self::Unavailable(cause),
        }
    }
}

impl Failed for Failure {
    fn to_error(&self, context: &KmsContext) -> ProviderError {
        self.clone().into_error(context)
    }
}

fn name(reason: u32) -> Option<&'static str> {
    Some(match reason {
        0x01 => "Item Not Found",
        0x03 => "Authentication Not Successful",
        0x04 => "Invalid Message",
        0x05 => "Operation Not Supported",
        0x06 => "Missing Data",
        0x07 => "Invalid Field",
        0x08 => "Feature Not Supported",
        0x0a => "Cryptographic Failure",
        0x0b => "Illegal Operation",
        0x0c => "Permission Denied",
        0x0d => "Object Archived",
        0x10 => "Key Format Type Not Supported",
        0x13 => "Key Value Not Present",
        0x16 => "Sensitive",
        0x17 => "Not Extractable",
        0x29 => "Incompatible Cryptographic Usage Mask",
        0x36 => "Object Destroyed",
        0x37 => "Object Not Found",
        0x39 => "Not Authorised",
        0x3a => "Server Limit Exceeded",
        0x43 => "Wrong Key Lifecycle State",
        0x100 => "General Failure",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_that_is_not_there_is_gone() {
        let gone: Vec<_> =
            (0..0x110).filter(|reason| matches!(Failure::of(*reason, ""), Failure::Gone(_))).collect();
        assert_eq!(gone, [0x01, 0x36, 0x37], "Item Not Found, Object Destroyed, Object Not Found");
        for denied in [0x03, 0x0c, 0x39] {
            assert!(matches!(Failure::of(denied, ""), Failure::Refused(_)), "{denied:#x}");
        }
    }
}
