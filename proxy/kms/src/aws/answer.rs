//! What KMS's errors mean.

use std::error::Error;

use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use proxy_crypto::{KmsContext, ProviderError};

use super::key_id;

/// The longest part of the server's own words that is repeated.
const LONGEST: usize = 200;
/// What STS says where it did not get the keys of a token's issuer, which AWS's own SDKs try again after.
const NO_KEYS: &str = "retrieve verification key";

/// Why a call on a key failed, in this region.
pub(super) fn failed<E>(
    context: &KmsContext,
    region: &str,
    error: &SdkError<E, HttpResponse>,
) -> ProviderError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let SdkError::ServiceError(answer) = error {
        return answered(context, region, answer.raw().status().as_u16(), answer.err().meta());
    }
    if let SdkError::ResponseError(_) = error {
        // The parser's words could quote what it read.
        return ProviderError::unavailable(context, "its answer is cut short, or not one of KMS's");
    }
    // No call was made, or there was no answer.
    match refused_credentials(error) {
        Some(cause) => ProviderError::refused(context, cause),
        None => ProviderError::unavailable(context, reason(error)),
    }
}

fn answered(context: &KmsContext, region: &str, status: u16, meta: &ErrorMetadata) -> ProviderError {
    let Some(code) = meta.code() else {
        return ProviderError::unavailable(context, format!("its answer ({status}) is not one of KMS's"));
    };
    let cause = describe(code, meta.message());
    match code {
        "InvalidCiphertextException" => ProviderError::corrupt(context, cause),
        // Such as where an alias points to another key now. It may point back.
        "IncorrectKeyException" => ProviderError::refused(
            context,
            format!("it was wrapped by another KMS key than the one that goes by this name ({code})"),
        ),
        // Not where it is the alias that is missing: the key behind it may well be there. Nor where the key may be in
        // another place.
        "NotFoundException"
            if meta.message().is_some_and(is_about_key) && key_id::is_unique(&context.key, region) =>
        {
            ProviderError::gone(context, cause)
        }
        "NotFoundException"
        | "DisabledException"
        | "KMSInvalidStateException"
        | "AccessDeniedException"
        | "InvalidGrantTokenException"
        | "InvalidKeyUsageException"
        | "InvalidArnException"
        | "UnsupportedOperationException"
        | "ValidationException" => ProviderError::refused(context, cause),
        _ if is_credentials(code) => ProviderError::refused(context, describe_credentials(code)),
        _ => ProviderError::unavailable(context, cause),
    }
}

/// Why STS gave no credentials, where it said no.
fn refused_credentials(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let meta = error
            .downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>()
            .and_then(SdkError::as_service_error)
            .map(ProvideErrorMetadata::meta)
            .or_else(|| {
                let error = error.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>()?;
                error.as_service_error().map(ProvideErrorMetadata::meta)
            });
        if let Some(meta) = meta {
            let code = meta.code()?;
            let cause = match code {
                // Said of a token that it looked at and does not take, and also where it did not get at the issuer's keys.
                "InvalidIdentityToken" if meta.message().is_some_and(|text| text.contains(NO_KEYS)) => {
                    return None;
                }
                "AccessDenied"
                | "IDPRejectedClaim"
                | "InvalidIdentityToken"
                | "RegionDisabledException"
                | "ValidationError" => describe(code, meta.message()),
                _ if is_credentials(code) => describe_credentials(code),
                _ => return None,
            };
            return Some(format!("failed to take on the role: {cause}"));
        }
        next = error.source();
    }
    None
}

/// Of `Key '…' does not exist` and `Alias … is not found.`, the first.
fn is_about_key(message: &str) -> bool {
    message.starts_with("Key '") && message.contains("does not exist")
}

fn is_credentials(code: &str) -> bool {
    matches!(
        code.strip_suffix("Exception").unwrap_or(code),
        "UnrecognizedClient"
            | "InvalidClientTokenId"
            | "InvalidToken"
            | "ExpiredToken"
            | "MissingAuthenticationToken"
            | "MissingAuthentication"
            | "IncompleteSignature"
            | "InvalidSignature"
            | "SignatureDoesNotMatch"
            | "RequestExpired"
            | "NotAuthorized"
            | "AuthFailure"
            | "OptInRequired"
            | "SubscriptionRequired"
    )
}

/// In our own words: the server's repeat the request that it had expected, with the session's token in it.
fn describe_credentials(code: &str) -> String {
    let cause = match code.strip_suffix("Exception").unwrap_or(code) {
        "ExpiredToken" => "the credentials have expired",
        "IncompleteSignature" | "InvalidSignature" | "SignatureDoesNotMatch" | "RequestExpired" => {
            "the secret access key is not the one of the access key id, or the clock is wrong"
        }
        "OptInRequired" | "SubscriptionRequired" => "the account may not use KMS in this region",
        _ => "the credentials are unknown there",
    };
    format!("{cause} ({code})")
}

fn describe(code: &str, message: Option<&str>) -> String {
    let code = line(code);
    match message.map(line) {
        Some(message) if !message.is_empty() => format!("{code}: {message}"),
        _ => code,
    }
}

/// The error with its causes.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = line(&cause.to_string());
        // Layers of the SDK that say nothing, or repeat what the one below them said.
        let empty = matches!(text.as_str(), "dispatch failure" | "other" | "io error");
        if !empty && causes.last().is_none_or(|last| !last.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    if causes.is_empty() { "the call failed".to_owned() } else { causes.join(": ") }
}

/// A text as far as it can stand in a line.
fn line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(LONGEST).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_crypto::{ClusterName, KeyName, ProviderName};

    const MISSING: &str =
        "Key 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' does not exist";

    fn is_gone(key: &str, code: &str, message: &str) -> bool {
        let context = KmsContext {
            cluster: ClusterName::new("c").unwrap(),
            provider: ProviderName::new("p").unwrap(),
            key: KeyName::new(key).unwrap(),
        };
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        let error = answered(&context, "eu-central-1", 400, &meta);
        assert!(matches!(error, ProviderError::Refused { .. }), "{code}");
        error.is_gone()
    }

    #[test]
    fn only_a_key_that_does_not_exist_is_gone() {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert!(is_gone(key, "NotFoundException", MISSING));
        assert!(!is_gone(key, "NotFoundException", "Alias arn:aws:kms:eu-central-1:1:alias/k is not found."));
        assert!(!is_gone(key, "NotFoundException", ""));
        for code in [
            "DisabledException",
            "KMSInvalidStateException",
            "AccessDeniedException",
            "IncorrectKeyException",
            "ExpiredTokenException",
        ] {
            assert!(!is_gone(key, code, MISSING), "{code}");
        }
    }

    #[test]
    fn a_key_that_may_be_in_another_place_or_made_again_is_not_gone() {
        for key in [
            "payments",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        ] {
            assert!(!is_gone(key, "NotFoundException", MISSING), "{key}");
        }
    }
}
