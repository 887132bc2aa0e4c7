//! Requests and answers of KMIP 1.4, each with one operation.

use proxy_crypto::Dek;
use zeroize::Zeroizing;

use super::attributes::Attributes;
use super::failure::Failure;
use super::ttlv::{HEAD, Items, Malformed, Tag, Writer};
use super::wrapped::{NONCE, TAG};

const ATTRIBUTE: Tag = Tag(0x42_0008);
const ATTRIBUTE_NAME: Tag = Tag(0x42_000a);
const ATTRIBUTE_VALUE: Tag = Tag(0x42_000b);
const BATCH_COUNT: Tag = Tag(0x42_000d);
const BATCH_ITEM: Tag = Tag(0x42_000f);
const BLOCK_CIPHER_MODE: Tag = Tag(0x42_0011);
const CRYPTOGRAPHIC_ALGORITHM: Tag = Tag(0x42_0028);
const CRYPTOGRAPHIC_PARAMETERS: Tag = Tag(0x42_002b);
const IV_COUNTER_NONCE: Tag = Tag(0x42_003d);
const KEY_BLOCK: Tag = Tag(0x42_0040);
const KEY_FORMAT_TYPE: Tag = Tag(0x42_0042);
const KEY_MATERIAL: Tag = Tag(0x42_0043);
const KEY_VALUE: Tag = Tag(0x42_0045);
const MAXIMUM_ITEMS: Tag = Tag(0x42_004f);
const NAME_TYPE: Tag = Tag(0x42_0054);
const NAME_VALUE: Tag = Tag(0x42_0055);
const OPERATION: Tag = Tag(0x42_005c);
const PROTOCOL_VERSION: Tag = Tag(0x42_0069);
const PROTOCOL_VERSION_MAJOR: Tag = Tag(0x42_006a);
const PROTOCOL_VERSION_MINOR: Tag = Tag(0x42_006b);
const REQUEST_HEADER: Tag = Tag(0x42_0077);
const REQUEST_MESSAGE: Tag = Tag(0x42_0078);
const REQUEST_PAYLOAD: Tag = Tag(0x42_0079);
pub(super) const RESPONSE_MESSAGE: Tag = Tag(0x42_007b);
const RESPONSE_PAYLOAD: Tag = Tag(0x42_007c);
const RESULT_MESSAGE: Tag = Tag(0x42_007d);
const RESULT_REASON: Tag = Tag(0x42_007e);
const RESULT_STATUS: Tag = Tag(0x42_007f);
const SYMMETRIC_KEY: Tag = Tag(0x42_008f);
const UNIQUE_IDENTIFIER: Tag = Tag(0x42_0094);
const DATA: Tag = Tag(0x42_00c2);
const TAG_LENGTH: Tag = Tag(0x42_00ce);
const ADDITIONAL_DATA: Tag = Tag(0x42_00fe);
const AUTHENTICATION_TAG: Tag = Tag(0x42_00ff);

const NAME: &str = "Name";
const OBJECT_GROUP: &str = "Object Group";
const STATE: &str = "State";

const AES: u32 = 3;
const GCM: u32 = 9;
const RAW: u32 = 1;
const UNINTERPRETED: u32 = 1;
const ACTIVE: u32 = 2;
const OBJECT_SYMMETRIC_KEY: u32 = 2;
const SUCCESS: u32 = 0;
const KEY_BITS: i32 = 256;

/// What is asked of the server.
pub(super) enum Request<'a> {
    /// The active AES-256 keys of this name.
    Locate { name: &'a str },
    /// To encrypt a data key.
    Encrypt { id: &'a str, nonce: &'a [u8; NONCE], context: &'a [u8], data: &'a [u8] },
    /// To decrypt it.
    Decrypt { id: &'a str, nonce: &'a [u8; NONCE], context: &'a [u8], data: &'a [u8], tag: &'a [u8] },
    /// The key itself.
    Get { id: &'a str },
    /// Whose key it is, and its state.
    Attributes { id: &'a str },
}

/// One more than there may be tells that there are too many.
const MOST_LOCATED: i32 = 2;

impl Request<'_> {
    fn operation(&self) -> u32 {
        match self {
            Self::Locate { .. } => 0x08,
            Self::Get { .. } => 0x0a,
            Self::Attributes { .. } => 0x0b,
            Self::Encrypt { .. } => 0x1f,
            Self::Decrypt { .. } => 0x20,
        }
    }

    /// The key that the answer must be about.
    fn id(&self) -> Option<&str> {
        match self {
            Self::Locate { .. } => None,
            Self::Get { id }
            | Self::Attributes { id }
            | Self::Encrypt { id, .. }
            | Self::Decrypt { id, .. } => Some(id),
        }
    }

    pub(super) fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::new();
        writer.structure(REQUEST_MESSAGE, |message| {
            message.structure(REQUEST_HEADER, |header| {
                header.structure(PROTOCOL_VERSION, |version| {
                    version.integer(PROTOCOL_VERSION_MAJOR, 1);
                    version.integer(PROTOCOL_VERSION_MINOR, 4);
                });
                header.integer(BATCH_COUNT, 1);
            });
            message.structure(BATCH_ITEM, |item| {
                item.enumeration(OPERATION, self.operation());
                item.structure(REQUEST_PAYLOAD, |payload| self.payload(payload));
            });
        });
        writer.finish()
    }

    fn payload(&self, payload: &mut Writer) {
        match self {
            Self::Locate { name } => {
                payload.integer(MAXIMUM_ITEMS, MOST_LOCATED);
                attribute(payload, NAME, |value| {
                    value.structure(ATTRIBUTE_VALUE, |value| {
                        value.text(NAME_VALUE, name);
                        value.enumeration(NAME_TYPE, UNINTERPRETED);
                    });
                });
                attribute(payload, "Object Type", |to| to.enumeration(ATTRIBUTE_VALUE, OBJECT_SYMMETRIC_KEY));
                attribute(payload, STATE, |to| to.enumeration(ATTRIBUTE_VALUE, ACTIVE));
                attribute(payload, "Cryptographic Algorithm", |to| to.enumeration(ATTRIBUTE_VALUE, AES));
                attribute(payload, "Cryptographic Length", |to| to.integer(ATTRIBUTE_VALUE, KEY_BITS));
            }
            Self::Get { id } => {
                payload.text(UNIQUE_IDENTIFIER, id);
                payload.enumeration(KEY_FORMAT_TYPE, RAW);
            }
            Self::Attributes { id } => {
                payload.text(UNIQUE_IDENTIFIER, id);
                for name in [NAME, OBJECT_GROUP, STATE] {
                    payload.text(ATTRIBUTE_NAME, name);
                }
            }
            Self::Encrypt { id, nonce, context, data } => {
                aes_gcm(payload, id, data, *nonce, context);
            }
            Self::Decrypt { id, nonce, context, data, tag } => {
                aes_gcm(payload, id, data, *nonce, context);
                payload.bytes(AUTHENTICATION_TAG, tag);
            }
        }
    }
}

fn attribute(payload: &mut Writer, name: &str, value: impl FnOnce(&mut Writer)) {
    payload.structure(ATTRIBUTE, |attribute| {
        attribute.text(ATTRIBUTE_NAME, name);
        value(attribute);
    });
}

fn aes_gcm(payload: &mut Writer, id: &str, data: &[u8], nonce: &[u8], context: &[u8]) {
    payload.text(UNIQUE_IDENTIFIER, id);
    payload.structure(CRYPTOGRAPHIC_PARAMETERS, |parameters| {
        parameters.enumeration(BLOCK_CIPHER_MODE, GCM);
        parameters.enumeration(CRYPTOGRAPHIC_ALGORITHM, AES);
        parameters.integer(TAG_LENGTH, i32::try_from(TAG).unwrap_or_default());
    });
    payload.bytes(DATA, data);
    payload.bytes(IV_COUNTER_NONCE, nonce);
    payload.bytes(ADDITIONAL_DATA, context);
}

impl From<Malformed> for Failure {
    fn from(Malformed: Malformed) -> Self {
        Self::Unavailable("its answer is not one of KMIP's".to_owned())
    }
}

/// A whole answer.
pub(super) struct Answer(pub(super) Zeroizing<Vec<u8>>);

impl Answer {
    fn item(&self) -> Result<Items<'_>, Malformed> {
        Items::parse(self.0.get(HEAD..).ok_or(Malformed)?)?.structure(BATCH_ITEM)?.ok_or(Malformed)
    }

    /// Sees that it answers this request and not another one. A server that fails to read a request need not name the operation.
    pub(super) fn answers(&self, request: &Request<'_>) -> Result<(), Malformed> {
        let item = self.item()?;
        let operation = item.enumeration(OPERATION)?;
        let done = item.enumeration(RESULT_STATUS)? == Some(SUCCESS);
        if operation != Some(request.operation()) && (done || operation.is_some()) {
            return Err(Malformed);
        }
        let Some(id) = request.id().filter(|_| done) else { return Ok(()) };
        let payload = item.structure(RESPONSE_PAYLOAD)?.ok_or(Malformed)?;
        if payload.text(UNIQUE_IDENTIFIER)? == Some(id) { Ok(()) } else { Err(Malformed) }
    }

    /// What the operation gave, or why it did not.
    fn payload(&self) -> Result<Items<'_>, Failure> {
        let item = self.item()?;
        if item.enumeration(RESULT_STATUS)?.ok_or(Malformed)? == SUCCESS {
            return Ok(item.structure(RESPONSE_PAYLOAD)?.ok_or(Malformed)?);
        }
        let reason = item.enumeration(RESULT_REASON)?.unwrap_or_default();
        Err(Failure::of(reason, item.text(RESULT_MESSAGE)?.unwrap_or_default()))
    }

    /// The ids of what was located.
    pub(super) fn located(&self) -> Result<Vec<String>, Failure> {
        Ok(self.payload()?.texts(UNIQUE_IDENTIFIER)?.into_iter().map(str::to_owned).collect())
    }

    /// What is known of a key.
    pub(super) fn attributes(&self) -> Result<Attributes, Failure> {
        let mut attributes = Attributes::default();
        for attribute in self.payload()?.structures(ATTRIBUTE)? {
            match attribute.text(ATTRIBUTE_NAME)?.ok_or(Malformed)? {
                NAME => {
                    let value = attribute.structure(ATTRIBUTE_VALUE)?.ok_or(Malformed)?;
                    attributes.names.push(value.text(NAME_VALUE)?.ok_or(Malformed)?.to_owned());
                }
                OBJECT_GROUP => {
                    attributes.groups.push(attribute.text(ATTRIBUTE_VALUE)?.ok_or(Malformed)?.to_owned());
                }
                STATE => attributes.state = attribute.enumeration(ATTRIBUTE_VALUE)?,
                _ => {}
            }
        }
        Ok(attributes)
    }

    /// What was encrypted, with its tag behind it.
    pub(super) fn encrypted(&self) -> Result<Vec<u8>, Failure> {
        let payload = self.payload()?;
        let data = payload.bytes(DATA)?.ok_or(Malformed)?;
        Ok([data, payload.bytes(AUTHENTICATION_TAG)?.unwrap_or_default()].concat())
    }

    /// The nonce of a server that takes none but its own.
    pub(super) fn nonce(&self) -> Result<Option<&[u8]>, Failure> {
        Ok(self.payload()?.bytes(IV_COUNTER_NONCE)?)
    }

    /// What was decrypted.
    pub(super) fn decrypted(&self) -> Result<Dek, Failure> {
        let payload = self.payload()?;
        let data = payload.bytes(DATA)?.ok_or(Malformed)?;
        Dek::from_bytes(data).ok_or_else(|| Failure::Corrupt("it holds no data key of 32 bytes".to_owned()))
    }

    /// The key itself, where the server gives it in the clear.
    pub(super) fn key(&self) -> Result<&[u8], Failure> {
        let missing = || Failure::Refused("the server does not give the key in the clear".to_owned());
        let key = self.payload()?.structure(SYMMETRIC_KEY)?.ok_or_else(missing)?;
        let block = key.structure(KEY_BLOCK)?.ok_or(Malformed)?;
        let value = block.structure(KEY_VALUE)?.ok_or_else(missing)?;
        value.bytes(KEY_MATERIAL)?.ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(operation: Option<u32>, status: u32, id: Option<&str>) -> Answer {
        let mut writer = Writer::new();
        writer.structure(RESPONSE_MESSAGE, |message| {
            message.structure(BATCH_ITEM, |item| {
                if let Some(operation) = operation {
                    item.enumeration(OPERATION, operation);
                }
                item.enumeration(RESULT_STATUS, status);
                if let Some(id) = id {
                    item.structure(RESPONSE_PAYLOAD, |payload| payload.text(UNIQUE_IDENTIFIER, id));
                }
            });
        });
        Answer(writer.finish())
    }

    #[test]
    fn an_answer_to_another_request_is_none() {
        let get = Request::Get { id: "1" };
        for fits in
            [answer(Some(0x0a), SUCCESS, Some("1")), answer(Some(0x0a), 1, None), answer(None, 1, None)]
        {
            assert_eq!(fits.answers(&get), Ok(()));
        }
        for other in [
            answer(Some(0x20), SUCCESS, Some("1")),
            answer(None, SUCCESS, Some("1")),
            answer(Some(0x0a), SUCCESS, Some("2")),
            answer(Some(0x0a), SUCCESS, None),
            answer(Some(0x08), 1, None),
        ] {
            assert_eq!(other.answers(&get), Err(Malformed));
        }
        let locate = Request::Locate { name: "a" };
        assert_eq!(answer(Some(0x08), SUCCESS, Some("7")).answers(&locate), Ok(()));
    }
}
