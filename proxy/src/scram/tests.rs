//! The vectors of the standards, and servers that are not to be believed.

use super::*;
use aws_lc_rs::{digest, pbkdf2};
use proptest::prelude::*;

static SHA_1: Hash = Hash {
    pbkdf2: pbkdf2::PBKDF2_HMAC_SHA1,
    hmac: hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    digest: &digest::SHA1_FOR_LEGACY_USE_ONLY,
};
static SHA_256: Hash =
    Hash { pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256, hmac: hmac::HMAC_SHA256, digest: &digest::SHA256 };

struct Vector {
    hash: &'static Hash,
    nonce: &'static str,
    challenge: &'static str,
    answer: &'static str,
    end: &'static str,
}

/// RFC 5802, section 5.
const RFC_5802: Vector = Vector {
    hash: &SHA_1,
    nonce: "fyko+d2lbbFgONRv9qkxdawL",
    challenge: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    answer: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    end: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};
/// RFC 7677, section 3.
const RFC_7677: Vector = Vector {
    hash: &SHA_256,
    nonce: "rOprNGfwEbeRWgbNEkqO",
    challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    answer: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    end: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

impl Vector {
    fn first(&self) -> ClientFirst {
        ClientFirst::with_nonce(self.hash, "user", self.nonce.to_owned())
    }

    fn challenged(&self) -> Challenged {
        self.first().challenged(self.challenge.as_bytes()).unwrap()
    }

    fn prove(&self, password: &str) -> (String, Proved) {
        let challenged = self.challenged();
        let keys = DerivedKeys::derive(self.hash, password, challenged.derivation());
        challenged.prove(Arc::new(keys))
    }

    fn refusal(&self, challenge: &str) -> ScramError {
        self.first().challenged(challenge.as_bytes()).err().unwrap()
    }
}

#[test]
fn agrees_with_the_vectors_of_the_standards() {
    for vector in [RFC_5802, RFC_7677] {
        assert_eq!(vector.first().message(), format!("n,,n=user,r={}", vector.nonce));
        let (answer, proved) = vector.prove("pencil");
        assert_eq!(answer, vector.answer);
        proved.verify(vector.end.as_bytes()).unwrap();
    }
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    let (_, proved) = RFC_7677.prove("another");
    assert!(matches!(proved.verify(RFC_7677.end.as_bytes()), Err(ScramError::Signature)));
    let (_, proved) = RFC_7677.prove("pencil");
    for end in ["v=", "v=AAAA", RFC_5802.end, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="] {
        assert!(proved.verify(end.as_bytes()).is_err(), "{end}");
    }
    assert!(matches!(proved.verify(b""), Err(ScramError::Malformed(_))));
    let refused = proved.verify(b"e=unknown-user\n\x1b[2J").unwrap_err();
    assert_eq!(refused.to_string(), "the broker refuses: unknown-user2J");
}

#[test]
fn challenges_out_of_bounds_are_refused() {
    let challenge = |from: &str, to: &str| RFC_7677.refusal(&RFC_7677.challenge.replacen(from, to, 1));
    for (count, iterations) in
        [("4095", 4_095), ("1000001", 1_000_001), ("0", 0), ("99999999999", 99_999_999_999)]
    {
        let error = challenge("i=4096", &format!("i={count}"));
        assert!(matches!(error, ScramError::Iterations(found) if found == iterations), "{error}");
    }
    let nonce = RFC_7677.nonce;
    for (from, to) in [(nonce, "another"), ("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "")] {
        assert!(matches!(challenge(from, to), ScramError::Nonce));
    }
    for (from, to) in [
        ("i=4096", "i=+4096"),
        ("i=4096", "i="),
        (",i=4096", ""),
        ("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s="),
        ("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s=*"),
        ("r=", "m=ext,r="),
        ("r=", "R="),
    ] {
        assert!(matches!(challenge(from, to), ScramError::Malformed(_)), "{to}");
    }
    assert!(matches!(RFC_7677.refusal(&"x".repeat(5_000)), ScramError::Malformed(_)));
    assert!(RFC_7677.first().challenged(&[0xff]).is_err());
}

#[test]
fn extensions_behind_the_challenge_are_signed_and_not_understood() {
    let challenge = format!("{},x=y", RFC_7677.challenge);
    let challenged = RFC_7677.first().challenged(challenge.as_bytes()).unwrap();
    assert!(challenged.transcript.contains(",i=4096,x=y,c=biws"));
}

#[test]
fn names_are_escaped_and_nonces_are_new() {
    let first = ClientFirst::new(&SHA_512, "CN=a,b").unwrap();
    assert!(first.message().starts_with("n,,n=CN=3Da=2Cb,r="));
    assert_eq!(first.nonce.len(), 32);
    assert_ne!(first.nonce, ClientFirst::new(&SHA_512, "CN=a,b").unwrap().nonce);
}

proptest! {
    #[test]
    fn arbitrary_challenges_never_panic(text in "(r=|s=|i=|,|m=|[a-zA-Z0-9+/=]{0,9}){0,9}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = RFC_7677.first().challenged(text.as_bytes());
        let _ = RFC_7677.first().challenged(&bytes);
        let _ = message::server_final(&text);
    }
}
