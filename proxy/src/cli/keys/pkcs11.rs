//! Settings of hardware security modules.

use super::{Look, Provider, path, seen};
use proxy_config::Pkcs11Provider;
use proxy_crypto::ProviderName;
use proxy_kms::{Pkcs11, Pkcs11Settings, Pkcs11Token};
use std::sync::Arc;

pub(super) fn open(name: &ProviderName, provider: &Pkcs11Provider) -> (Provider, Look) {
    let token = Arc::new(Pkcs11::new(name.clone(), settings(provider)));
    let look = Arc::clone(&token);
    (token, Box::new(move || seen(look.reload())))
}

fn settings(provider: &Pkcs11Provider) -> Pkcs11Settings {
    Pkcs11Settings {
        module: path(&provider.module),
        token: match &provider.token {
            proxy_config::Pkcs11Token::Label(label) => Pkcs11Token::Label(label.clone()),
            proxy_config::Pkcs11Token::Slot(slot) => Pkcs11Token::Slot(*slot),
        },
        pin: path(&provider.pin_file),
    }
}
