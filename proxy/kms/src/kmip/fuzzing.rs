//! Answers, and wrapped keys.

use super::message::{Answer, Request};
use super::ttlv::{HEAD, Tag, Writer, length_of};
use super::wrapped::{NONCE, SEALED, Wrapped};
use crate::fuzzing::context;
use proxy_crypto::KeyName;
use zeroize::Zeroizing;

pub(crate) fn fuzz(data: &[u8]) {
    if let Some(head) = data.first_chunk::<HEAD>() {
        let _ = length_of(*head, Tag(0x42_007b));
    }
    let answer = Answer(Zeroizing::new(data.to_vec()));
    let _ = answer.answers(&Request::Get { id: "1" });
    let _ = answer.answers(&Request::Locate { name: "k" });
    for failure in [
        answer.located().err(),
        answer.encrypted().err(),
        answer.nonce().err(),
        answer.decrypted().err(),
        answer.key().err(),
    ] {
        let _ = failure.map(|failure| failure.into_error(&context()).to_string());
    }
    if let (Ok(attributes), Ok(key)) = (answer.attributes(), KeyName::new("k")) {
        let _ = (attributes.is_named(&key), attributes.may_decrypt());
    }
    if let Some(wrapped) = Wrapped::parse(data) {
        let again = wrapped.to_key().expect("what was parsed has an id");
        assert_eq!(again.as_bytes(), data, "a wrapped key has one spelling");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let answer = |status: u32, payload: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        writer.structure(Tag(0x42_007b), |message| {
            message.structure(Tag(0x42_007a), |header| header.integer(Tag(0x42_000d), 1));
            message.structure(Tag(0x42_000f), |item| {
                item.enumeration(Tag(0x42_005c), 0x0a);
                item.enumeration(Tag(0x42_007f), status);
                if status == 0 {
                    item.structure(Tag(0x42_007c), payload);
                } else {
                    item.enumeration(Tag(0x42_007e), 1);
                    item.text(Tag(0x42_007d), "no such key");
                }
            });
        });
        writer.finish().to_vec()
    };
    let id = |payload: &mut Writer| payload.text(Tag(0x42_0094), "1");
    let data = |payload: &mut Writer| {
        id(payload);
        payload.bytes(Tag(0x42_00c2), &[7; 32]);
        payload.bytes(Tag(0x42_003d), &[1; NONCE]);
        payload.bytes(Tag(0x42_00ff), &[2; 16]);
    };
    let key = |payload: &mut Writer| {
        id(payload);
        payload.structure(Tag(0x42_008f), |key| {
            key.structure(Tag(0x42_0040), |block| {
                block.structure(Tag(0x42_0045), |value| value.bytes(Tag(0x42_0043), &[3; 32]));
            });
        });
    };
    let attributes = |payload: &mut Writer| {
        id(payload);
        for name in ["Name", "Object Group", "State"] {
            payload.structure(Tag(0x42_0008), |attribute| {
                attribute.text(Tag(0x42_000a), name);
                match name {
                    "Name" => attribute
                        .structure(Tag(0x42_000b), |value| value.text(Tag(0x42_0055), "topic-encryption:k")),
                    "State" => attribute.enumeration(Tag(0x42_000b), 2),
                    _ => attribute.text(Tag(0x42_000b), "topic-encryption:k"),
                }
            });
        }
    };
    let wrapped = Wrapped { id: "12".to_owned(), nonce: [1; NONCE], sealed: [2; SEALED] };
    let wrapped = wrapped.to_key().map(|key| key.as_bytes().to_vec());
    let answers = [answer(0, &id), answer(0, &data), answer(0, &key), answer(0, &attributes), answer(1, &id)];
    answers.into_iter().chain(wrapped).collect()
}
