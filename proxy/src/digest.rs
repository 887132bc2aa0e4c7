//! Hashes of files, as people compare them.

pub(crate) use proxy_crypto::{hex, sha256};
