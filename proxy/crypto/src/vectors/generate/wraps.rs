//! Wrapped data keys.

use super::{DEK, KEK, OTHER_DEK, context, cut, dek, flip, run};
use crate::local::testing::wrap;
use crate::vectors::shape::{Wrap, WrapExpected};

pub(super) fn wraps() -> Vec<Wrap> {
    let wrapped = wrap(run(KEK), 2, run(0xa0), &context(), &dek(DEK));
    let good = Wrap {
        name: "data key".to_owned(),
        error: None,
        cluster: "my-cluster".to_owned(),
        provider: "default".to_owned(),
        key: "payments".to_owned(),
        kek: hex::encode(run::<32>(KEK)),
        wrapped: hex::encode(wrapped.as_bytes()),
        expected: Some(WrapExpected {
            version: 2,
            context: hex::encode(context().to_bytes()),
            dek: hex::encode(run::<32>(DEK)),
        }),
    };
    let bad = |name: &str, error: &str, change: &dyn Fn(&mut Wrap)| {
        let mut wrap =
            Wrap { name: name.to_owned(), error: Some(error.to_owned()), expected: None, ..good.clone() };
        change(&mut wrap);
        wrap
    };
    vec![
        good.clone(),
        bad("another cluster", "wrap", &|wrap| {
            "other-cluster".clone_into(&mut wrap.cluster);
        }),
        bad("another provider", "wrap", &|wrap| {
            "other".clone_into(&mut wrap.provider);
        }),
        bad("another key name", "wrap", &|wrap| {
            "refunds".clone_into(&mut wrap.key);
        }),
        bad("another key-encryption key", "wrap", &|wrap| {
            wrap.kek = hex::encode(run::<32>(OTHER_DEK));
        }),
        bad("flipped bit of the tag", "wrap", &|wrap| {
            flip(&mut wrap.wrapped, 63);
        }),
        bad("truncated", "wrap-length", &|wrap| cut(&mut wrap.wrapped, 1)),
        bad("one byte too many", "wrap-length", &|wrap| {
            wrap.wrapped.push_str("00");
        }),
    ]
}
