//! A reader written from FORMAT.md with other cryptographic libraries. Knows nothing of proxy-crypto.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A parsed envelope header.
pub(crate) struct Header {
    pub(crate) bytes: Vec<u8>,
    pub(crate) version: u8,
    pub(crate) format: u8,
    pub(crate) algorithm: u8,
    pub(crate) nonce_mode: u8,
    pub(crate) provider: String,
    pub(crate) key: String,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    pub(crate) commitment: Vec<u8>,
    pub(crate) nonce: Vec<u8>,
    pub(crate) nonce_at: usize,
    pub(crate) tail: Vec<u8>,
    /// Behind the header, in formats 5 and 6 with place 2.
    pub(crate) carried: Option<Vec<u8>>,
}

/// Where a batch was found.
pub(crate) struct Place<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) last_offset_delta: i32,
}

struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn take(&mut self, length: usize) -> Result<Vec<u8>, &'static str> {
        let taken = self.bytes.get(self.at..self.at + length).ok_or("truncated-header")?;
        self.at += length;
        Ok(taken.to_vec())
    }

    fn four(&mut self) -> Result<[u8; 4], &'static str> {
        Ok(self.take(4)?.try_into().unwrap())
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        Ok(self.take(1)?[0])
    }

    fn name(&mut self) -> Result<String, &'static str> {
        let length = self.byte()?;
        let name = String::from_utf8(self.take(length.into())?).map_err(|_| "name")?;
        let good = |c: char| c.is_ascii_alphanumeric() || "._-:/".contains(c);
        if name.is_empty() || name.len() > 253 || !name.chars().all(good) { Err("name") } else { Ok(name) }
    }
}

/// Section 2.
pub(crate) fn parse(bytes: &[u8]) -> Result<Header, &'static str> {
    let mut fields = Fields { bytes, at: 0 };
    let version = fields.byte()?;
    if version != 1 {
        return Err("unknown-version");
    }
    let format = fields.byte()?;
    let tail_length = match format {
        1 => 22,
        2 => 8,
        3 => return Err("marker"),
        5 | 6 => 9,
        _ => return Err("unknown-format"),
    };
    let algorithm = fields.byte()?;
    if algorithm != 1 {
        return Err("unknown-algorithm");
    }
    let nonce_mode = fields.byte()?;
    if !(1..=2).contains(&nonce_mode) {
        return Err("unknown-nonce-mode");
    }
    let provider = fields.name()?;
    let key = fields.name()?;
    let wrapped_length = u16::from_be_bytes(fields.take(2)?.try_into().unwrap());
    if !(1..=4096).contains(&wrapped_length) {
        return Err("wrapped-length");
    }
    let wrapped = fields.take(wrapped_length.into())?;
    let salt = fields.take(32)?;
    let commitment = fields.take(16)?;
    let nonce_at = fields.at;
    let nonce = fields.take(12)?;
    let tail = fields.take(tail_length)?;
    let place = if format >= 5 { tail[8] } else { 1 };
    if !(1..=2).contains(&place) {
        return Err("unknown-place");
    }
    let (header, behind) = bytes.split_at(fields.at);
    if place == 1 && !behind.is_empty() {
        return Err("trailing-bytes");
    }
    Ok(Header {
        bytes: header.to_vec(),
        carried: (place == 2).then(|| behind.to_vec()),
        version,
        format,
        algorithm,
        nonce_mode,
        provider,
        key,
        wrapped,
        salt,
        commitment,
        nonce,
        nonce_at,
        tail,
    })
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Section 1.1: message key and commitment. HKDF as RFC 5869 writes it, for two blocks.
pub(crate) fn derive(dek: &[u8], header: &Header) -> (Vec<u8>, Vec<u8>) {
    let prk = hmac(&header.salt, &[dek]);
    let numbers = [header.version, header.format, header.algorithm];
    let info: [&[u8]; 2] = [b"strimzi topic encryption message key", &numbers];
    let first = hmac(&prk, &[info[0], info[1], &[1]]);
    let second = hmac(&prk, &[&first, info[0], info[1], &[2]]);
    (first, second[..16].to_vec())
}

fn aad_start(header: &Header, topic: &str) -> Vec<u8> {
    let mut aad = u32::try_from(header.bytes.len()).unwrap().to_be_bytes().to_vec();
    let mut bytes = header.bytes.clone();
    bytes[header.nonce_at..header.nonce_at + 12].fill(0);
    aad.extend(bytes);
    aad.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
    aad.extend(topic.bytes());
    aad
}

/// Section 3.2.
pub(crate) fn batch_aad(header: &Header, place: &Place<'_>) -> Vec<u8> {
    let mut aad = aad_start(header, place.topic);
    aad.extend(place.partition.to_be_bytes());
    aad.extend(place.producer_id.to_be_bytes());
    aad.extend(place.producer_epoch.to_be_bytes());
    aad.extend(place.base_sequence.to_be_bytes());
    aad.extend(place.last_offset_delta.to_be_bytes());
    aad
}

/// Section 4.3.
pub(crate) fn record_aad(header: &Header, topic: &str, record_key: Option<&[u8]>) -> Vec<u8> {
    let mut aad = aad_start(header, topic);
    match record_key {
        None => aad.extend((-1_i32).to_be_bytes()),
        Some(key) => {
            aad.extend(i32::try_from(key.len()).unwrap().to_be_bytes());
            aad.extend(key);
        }
    }
    aad
}

/// A name and a value or null.
pub(crate) type RecordHeader = (Vec<u8>, Option<Vec<u8>>);

/// Section 4.5.
pub(crate) fn headed_aad(
    header: &Header,
    topic: &str,
    record_key: Option<&[u8]>,
    headers: &[RecordHeader],
) -> Vec<u8> {
    let mut aad = record_aad(header, topic, record_key);
    aad.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
    for (name, value) in headers {
        aad.extend(i32::try_from(name.len()).unwrap().to_be_bytes());
        aad.extend(name);
        aad.extend(value.as_ref().map_or(-1, |value| i32::try_from(value.len()).unwrap()).to_be_bytes());
        aad.extend(value.iter().flatten());
    }
    aad
}

/// Section 4.5: headers and value as the producer sent them.
pub(crate) fn unseal(
    plaintext: &[u8],
    stored: &[RecordHeader],
    has_value: bool,
) -> Result<(Vec<RecordHeader>, Option<Vec<u8>>), &'static str> {
    let bad = "sealed-headers";
    let mut headers = stored.to_vec();
    let mut fields = Fields { bytes: plaintext, at: 0 };
    let count = u32::from_be_bytes(fields.four().map_err(|_| bad)?);
    let mut least = 0;
    for _ in 0..count {
        let index = usize::try_from(u32::from_be_bytes(fields.four().map_err(|_| bad)?)).unwrap();
        let length = i32::from_be_bytes(fields.four().map_err(|_| bad)?);
        if index < least || index >= headers.len() || length < -1 {
            return Err(bad);
        }
        least = index + 1;
        headers[index].1 = match usize::try_from(length) {
            Ok(length) => Some(fields.take(length).map_err(|_| bad)?),
            Err(_) => None,
        };
    }
    let rest = plaintext[fields.at..].to_vec();
    if has_value {
        Ok((headers, Some(rest)))
    } else if rest.is_empty() {
        Ok((headers, None))
    } else {
        Err(bad)
    }
}

/// Section 4.6: the record's key, and what stands behind it.
pub(crate) fn unseal_key<'a>(
    plaintext: &'a [u8],
    stored: Option<&[u8]>,
) -> Result<(Option<Vec<u8>>, &'a [u8]), &'static str> {
    let bad = "record-key";
    let mut fields = Fields { bytes: plaintext, at: 0 };
    let length = i32::from_be_bytes(fields.four().map_err(|_| bad)?);
    let key = match (length, stored) {
        (-1, None) => None,
        (0.., Some(stored)) if stored.len() == usize::try_from(length).unwrap() + 16 => {
            Some(fields.take(usize::try_from(length).unwrap()).map_err(|_| bad)?)
        }
        _ => return Err(bad),
    };
    Ok((key, &plaintext[fields.at..]))
}

/// Section 4.6: the AES-SIV key of a topic. HKDF as RFC 5869 writes it, for two blocks.
pub(crate) fn pseudonym_key(key: &[u8], cluster: &str, topic: &str) -> Vec<u8> {
    let mut info = b"strimzi topic encryption record key pseudonym".to_vec();
    for name in [cluster, topic] {
        info.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        info.extend(name.bytes());
    }
    let prk = hmac(&[0; 32], &[key]);
    let first = hmac(&prk, &[&info, &[1]]);
    let second = hmac(&prk, &[&first, &info, &[2]]);
    [first, second].concat()
}

/// Checks the commitment and opens.
pub(crate) fn open(dek: &[u8], header: &Header, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, &'static str> {
    if sealed.len() < 16 {
        return Err("truncated-ciphertext");
    }
    let (key, commitment) = derive(dek, header);
    if commitment != header.commitment {
        return Err("commitment");
    }
    gcm(&key, &header.nonce, aad, sealed).ok_or("tag")
}

/// Section 1.3.
pub(crate) fn kms_context(cluster: &str, provider: &str, key: &str) -> Vec<u8> {
    let mut context = b"strimzi topic encryption kms context".to_vec();
    for name in [cluster, provider, key] {
        context.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        context.extend(name.bytes());
    }
    context
}

/// Section 1.4: the version and the data key.
pub(crate) fn unwrap_local(
    kek: &[u8],
    context: &[u8],
    wrapped: &[u8],
) -> Result<(u32, Vec<u8>), &'static str> {
    if wrapped.len() != 64 {
        return Err("wrap-length");
    }
    let version = u32::from_be_bytes(wrapped[..4].try_into().unwrap());
    let dek = gcm(kek, &wrapped[4..16], context, &wrapped[16..]).ok_or("wrap")?;
    Ok((version, dek))
}

fn gcm(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let cipher = Aes256Gcm::new_from_slice(key).unwrap();
    let nonce: [u8; 12] = nonce.try_into().unwrap();
    cipher.decrypt(&nonce.into(), Payload { msg: sealed, aad }).ok()
}
