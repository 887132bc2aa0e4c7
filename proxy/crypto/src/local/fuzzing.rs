//! Names and contents of key files, and wrapped keys.

use super::file::{Kek, KeyVersion};
use super::wrap;
use crate::context::KmsContext;
use crate::dek::Dek;
use crate::name::{ClusterName, KeyName, ProviderName};

const KEK: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const DEK: [u8; Dek::LEN] = [7; Dek::LEN];

fn context() -> KmsContext {
    KmsContext {
        cluster: ClusterName::new("c").unwrap(),
        provider: ProviderName::new("p").unwrap(),
        key: KeyName::new("k").unwrap(),
    }
}

pub(crate) fn fuzz_local(data: &[u8]) {
    if let Some(file) = std::str::from_utf8(data).ok().and_then(|text| KeyVersion::parse(text).ok()) {
        let again = format!("{}.v{}", file.key.as_str(), file.version);
        assert_eq!(again.as_bytes(), data, "a version has one spelling");
    }
    if let Ok(kek) = Kek::decode(data) {
        assert_eq!(kek.fingerprint().len(), 16);
    }
    if let Ok(parts) = wrap::Parts::parse(data) {
        let kek = Kek::decode(KEK).unwrap();
        if let Ok(dek) = wrap::unwrap(&kek, &parts, &context()) {
            assert_eq!(dek.expose(), &DEK, "only what was wrapped unwraps");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (kek, dek) = (Kek::decode(KEK).unwrap(), Dek::from_bytes(&DEK).unwrap());
    let wrapped = wrap::wrap(&kek, 1, &context(), &dek).unwrap();
    vec![b"payments.v12".to_vec(), KEK.to_vec(), wrapped.as_bytes().to_vec()]
}
