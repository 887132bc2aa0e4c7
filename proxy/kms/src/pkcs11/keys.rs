//! Wrapping and unwrapping inside the token.

use aws_lc_rs::rand;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use proxy_crypto::{Dek, KmsContext};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::token::is_logged_in;
use super::wrapped::{NONCE, SEALED, Wrapped, hex};
use crate::question::{Purpose, Question};

const TAG_BITS: u64 = 128;
/// More versions than any key has.
const MOST_VERSIONS: usize = 10_000;

/// One of the keys with a label.
struct Key {
    id: Vec<u8>,
    handle: ObjectHandle,
}

/// Wraps a data key with the newest key of the context.
pub(super) fn wrap(session: &Session, context: &KmsContext, dek: &Dek) -> Result<Wrapped, Failure> {
    let key = newest(find(session, context, None)?)?;
    for attribute in session.get_attributes(key.handle, &[AttributeType::ValueLen])? {
        if let Attribute::ValueLen(length) = attribute
            && length != Ulong::from(Dek::LEN as u64)
        {
            return Err(Failure::Refused("the key is not one of 256 bits".to_owned()));
        }
    }
    let (nonce, sealed) = seal(session, key.handle, context, dek)?;
    Ok(Wrapped { id: key.id, nonce, sealed })
}

/// Unwraps a data key with the key that wrapped it.
pub(super) fn unwrap(session: &Session, context: &KmsContext, wrapped: &Wrapped) -> Result<Dek, Failure> {
    let key = newest(find(session, context, Some(&wrapped.id))?)?;
    open(session, key.handle, context, wrapped)
}

/// Whether the key would have opened what it wrapped. A failure tells that the token is to blame.
pub(super) fn probe(session: &Session, question: Question<'_>, wrapped: &Wrapped) -> Result<(), Failure> {
    let context = question.context;
    let key = newest(find(session, context, Some(&wrapped.id))?)?;
    let dek = Dek::generate().map_err(|error| Failure::Unavailable(error.to_string()))?;
    let trial = question.blocking(Purpose::Trial, || seal(session, key.handle, context, &dek));
    let (nonce, sealed) = match trial {
        Ok(sealed) => sealed,
        // An old key that may only decrypt cannot tell; better too late than to call corrupt what is not.
        Err(Failure::Refused(cause)) => {
            return Err(Failure::Unavailable(format!(
                "the token fails to decrypt, and whether it can cannot be seen, since the key does not encrypt ({cause})"
            )));
        }
        Err(failure) => return Err(failure),
    };
    let wrapped = Wrapped { id: key.id, nonce, sealed };
    let opened = question.blocking(Purpose::Trial, || open(session, key.handle, context, &wrapped))?;
    if opened.same_as(&dek) {
        Ok(())
    } else {
        Err(Failure::Unavailable("the token does not give back what it encrypted".to_owned()))
    }
}

/// The AES keys with the label of the context, or those of them with an id.
fn find(session: &Session, context: &KmsContext, id: Option<&[u8]>) -> Result<Vec<Key>, Failure> {
    let keys = search(session, Some(context), id)?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    let missing = match id {
        None => Failure::Refused("the token has no AES key with this CKA_LABEL and a CKA_ID".to_owned()),
        Some(id) => missing(session, context, id)?,
    };
    if is_logged_in(session)? { Err(missing) } else { Err(Failure::Lost("the login has ended".to_owned())) }
}

/// What it means that no key has the label and the id. It is gone only where the token has others with the label, so that
/// it is the token that is meant, and where nothing has the id, which a key keeps when it gets another label.
fn missing(session: &Session, context: &KmsContext, id: &[u8]) -> Result<Failure, Failure> {
    let text = hex(id);
    if search(session, Some(context), None)?.is_empty() {
        return Ok(Failure::Refused("the token has no AES key with this CKA_LABEL".to_owned()));
    }
    if !search(session, None, Some(id))?.is_empty() {
        let cause = format!("the token has an AES key with the CKA_ID {text}, but not with this CKA_LABEL");
        return Ok(Failure::Refused(cause));
    }
    Ok(Failure::Gone(format!("the token has no AES key with this CKA_LABEL and the CKA_ID {text}")))
}

/// The AES keys with the label of a context, and with an id.
fn search(session: &Session, labelled: Option<&KmsContext>, id: Option<&[u8]>) -> Result<Vec<Key>, Failure> {
    let mut template = vec![Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES)];
    template.extend(labelled.map(|context| Attribute::Label(context.key.as_str().as_bytes().to_vec())));
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    let handles: Vec<_> = session.iter_objects(&template)?.take(MOST_VERSIONS).collect::<Result<_, _>>()?;
    let mut keys = Vec::new();
    for handle in handles {
        for attribute in session.get_attributes(handle, &[AttributeType::Id])? {
            match attribute {
                Attribute::Id(id) if (1..=255).contains(&id.len()) => keys.push(Key { id, handle }),
                _ => {}
            }
        }
    }
    Ok(keys)
}

/// The key with the highest id.
fn newest(mut keys: Vec<Key>) -> Result<Key, Failure> {
    keys.sort_by(|one, other| number(&one.id).cmp(&number(&other.id)));
    let newest = keys.pop().ok_or_else(|| Failure::Refused("the token has no such key".to_owned()))?;
    if keys.last().is_some_and(|key| number(&key.id) == number(&newest.id)) {
        let id = hex(&newest.id);
        return Err(Failure::Refused(format!(
            "the token has several keys with this CKA_LABEL and the CKA_ID {id}"
        )));
    }
    Ok(newest)
}

/// An id as a number, comparable: how long it is without leading zeros, then its bytes.
fn number(id: &[u8]) -> (usize, &[u8]) {
    let zeros = id.iter().take_while(|byte| **byte == 0).count();
    let digits = id.get(zeros..).unwrap_or_default();
    (digits.len(), digits)
}

fn seal(
    session: &Session,
    key: ObjectHandle,
    context: &KmsContext,
    dek: &Dek,
) -> Result<([u8; NONCE], [u8; SEALED]), Failure> {
    let mut nonce = [0; NONCE];
    rand::fill(&mut nonce).map_err(|_| Failure::Unavailable("there is no randomness".to_owned()))?;
    let data = context.to_bytes();
    let sealed = session.encrypt(&gcm(&mut nonce, &data)?, key, dek.expose())?;
    let sealed = sealed.try_into().map_err(|sealed: Vec<u8>| {
        Failure::Unavailable(format!("the token made {} bytes of a data key, not {SEALED}", sealed.len()))
    })?;
    // Tokens that choose nonces themselves have written theirs in place of ours.
    Ok((nonce, sealed))
}

fn open(
    session: &Session,
    key: ObjectHandle,
    context: &KmsContext,
    wrapped: &Wrapped,
) -> Result<Dek, Failure> {
    let (mut nonce, data) = (wrapped.nonce, context.to_bytes());
    let bytes = Zeroizing::new(session.decrypt(&gcm(&mut nonce, &data)?, key, &wrapped.sealed)?);
    Dek::from_bytes(&bytes).ok_or_else(|| Failure::Corrupt("it holds no data key of 32 bytes".to_owned()))
}

fn gcm<'a>(nonce: &'a mut [u8], data: &'a [u8]) -> Result<Mechanism<'a>, Failure> {
    Ok(Mechanism::AesGcm(GcmParams::new(nonce, data, Ulong::from(TAG_BITS))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_as_numbers() {
        let ascending: [&[u8]; 6] = [&[0], &[1], &[0, 2], &[0xff], &[1, 0], &[0, 1, 1]];
        for pair in ascending.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        assert_eq!(number(&[0, 0, 7]), number(&[7]));
    }
}
