//! Key directories as tests and the kubelet make them.

use std::os::unix::fs::symlink;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::*;
use crate::name::ClusterName;

fn context(key: &str) -> KmsContext {
    KmsContext {
        cluster: ClusterName::new("cluster").unwrap(),
        provider: ProviderName::new("default").unwrap(),
        key: KeyName::new(key).unwrap(),
    }
}

fn put(directory: &Path, file: &str, key: u8) {
    std::fs::write(directory.join(file), STANDARD.encode([key; 32]) + "\n").unwrap();
}

fn open(directory: &Path) -> LocalKeys {
    LocalKeys::open(directory, ProviderName::new("default").unwrap())
}

fn with(files: &[(&str, u8)]) -> (TempDir, LocalKeys) {
    let directory = TempDir::new().unwrap();
    for (file, key) in files {
        put(directory.path(), file, *key);
    }
    let keys = open(directory.path());
    (directory, keys)
}

async fn generate(keys: &LocalKeys, key: &str) -> (Dek, WrappedKey) {
    keys.generate(&context(key)).await.unwrap()
}

async fn unwraps(keys: &LocalKeys, key: &str, (dek, wrapped): &(Dek, WrappedKey)) -> bool {
    keys.unwrap(&context(key), wrapped.as_bytes()).await.is_ok_and(|unwrapped| unwrapped.same_as(dek))
}

fn version(made: &(Dek, WrappedKey)) -> u32 {
    u32::from_be_bytes(*made.1.as_bytes().first_chunk().unwrap())
}

/// Conformance: TE-14.
#[tokio::test]
async fn wraps_and_unwraps_in_its_context_only() {
    let (_directory, keys) = with(&[("payments.eu.v1", 1), ("refunds.v1", 1)]);
    let made = generate(&keys, "payments.eu").await;
    assert_eq!(made.1.as_bytes().len(), 64);
    assert!(unwraps(&keys, "payments.eu", &made).await);
    // The same key under another name: the context differs.
    let error = keys.unwrap(&context("refunds"), made.1.as_bytes()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Corrupt { .. }));
    let mut other = context("payments.eu");
    other.cluster = ClusterName::new("other").unwrap();
    assert!(matches!(keys.unwrap(&other, made.1.as_bytes()).await, Err(ProviderError::Corrupt { .. })));
}

/// Conformance: P17-31. The directory became another one, with keys of its own under the same names.
#[tokio::test]
async fn another_key_of_the_same_name_opens_nothing_and_is_told_as_that() {
    let (directory, keys) = with(&[("payments.v1", 1)]);
    let before = generate(&keys, "payments").await;
    put(directory.path(), "payments.v1", 2);
    assert!(keys.reload());
    let error = keys.unwrap(&context("payments"), before.1.as_bytes()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Corrupt { .. }), "{error}");
    let told = "key provider 'default' cannot unwrap a data key with key 'payments': the wrapped data key was altered, belongs \
                to another cluster, provider or key, or was wrapped by another key of this name: a key is of use only with the \
                bytes that it had";
    assert_eq!(error.to_string(), told);
    put(directory.path(), "payments.v1", 1);
    assert!(keys.reload());
    assert!(unwraps(&keys, "payments", &before).await, "set back, all is well");
}

/// Conformance: P17-22, TE-16.
#[tokio::test]
async fn rotation_wraps_with_the_highest_version_and_unwraps_with_all() {
    let (directory, keys) = with(&[("k.v9", 9)]);
    let old = generate(&keys, "k").await;
    put(directory.path(), "k.v10", 10);
    let epoch = keys.epoch();
    assert!(keys.reload());
    assert_ne!(keys.epoch(), epoch);
    let new = generate(&keys, "k").await;
    assert_eq!((version(&old), version(&new)), (9, 10));
    assert!(unwraps(&keys, "k", &old).await && unwraps(&keys, "k", &new).await);
    assert_eq!(keys.status().keys, [(KeyName::new("k").unwrap(), vec![9, 10])]);
}

#[tokio::test]
async fn only_an_older_version_of_a_key_that_is_there_is_gone() {
    let (directory, keys) = with(&[("k.v1", 1)]);
    let old = generate(&keys, "k").await;
    put(directory.path(), "k.v2", 2);
    keys.reload();
    let new = generate(&keys, "k").await;
    let file = |name: &str| directory.path().join(name);
    let lacks = async |made: &(Dek, WrappedKey)| {
        keys.reload();
        let error = keys.unwrap(&context("k"), made.1.as_bytes()).await.unwrap_err();
        assert!(matches!(error, ProviderError::Refused { .. }));
        error.is_gone()
    };
    std::fs::write(file("k.v1"), "invalid").unwrap();
    std::fs::remove_file(file("k.v2")).unwrap();
    assert!(!lacks(&new).await, "it may only not have come yet");
    put(directory.path(), "k.v2", 2);
    std::fs::remove_file(file("k.v1")).unwrap();
    assert!(lacks(&old).await);
    std::fs::remove_file(file("k.v2")).unwrap();
    assert!(!lacks(&old).await, "the whole key is missing");
}

#[tokio::test]
async fn reload_of_the_same_changes_nothing() {
    let (directory, keys) = with(&[("k.v1", 1)]);
    let epoch = keys.epoch();
    assert!(!keys.reload());
    put(directory.path(), "k.v1", 1);
    std::fs::write(directory.path().join(".hidden"), "x").unwrap();
    assert!(!keys.reload());
    assert_eq!(keys.epoch(), epoch);
}

#[tokio::test]
async fn removal_refuses_and_restoration_allows_again() {
    let (directory, keys) = with(&[("k.v1", 1), ("k.v2", 2)]);
    let made = generate(&keys, "k").await;
    std::fs::remove_file(directory.path().join("k.v2")).unwrap();
    assert!(keys.reload());
    let error = keys.unwrap(&context("k"), made.1.as_bytes()).await.unwrap_err();
    assert!(matches!(&error, ProviderError::Refused { .. }));
    assert!(error.to_string().contains("no file k.v2 in the key directory"), "{error}");
    std::fs::remove_file(directory.path().join("k.v1")).unwrap();
    assert!(keys.reload());
    let error = keys.generate(&context("k")).await.unwrap_err();
    assert!(matches!(&error, ProviderError::Refused { .. }));
    assert!(error.to_string().contains("no file NAME.vN in the key directory"), "{error}");
    put(directory.path(), "k.v2", 2);
    assert!(keys.reload());
    assert!(unwraps(&keys, "k", &made).await);
}

/// Conformance: TE-B12.
#[tokio::test]
async fn bad_file_spoils_its_key_only() {
    let (directory, keys) = with(&[("good.v1", 1)]);
    // TE-B12: a key of 128 bits is none of 256.
    let (half, short) = (STANDARD.encode([1; 16]), STANDARD.encode([1; 31]));
    for (file, content) in [("half.v1", half), ("short.v1", short), ("text.v1", "no base64!".to_owned())] {
        std::fs::write(directory.path().join(file), content).unwrap();
    }
    std::fs::write(directory.path().join("long.v1"), STANDARD.encode([1; 4000])).unwrap();
    std::fs::write(directory.path().join("README"), "x").unwrap();
    std::fs::write(directory.path().join("k.v01"), "x").unwrap();
    std::fs::create_dir(directory.path().join("directory.v1")).unwrap();
    assert!(keys.reload());
    generate(&keys, "good").await;
    for key in ["half", "short", "text", "long", "directory"] {
        let error = keys.generate(&context(key)).await.unwrap_err();
        assert!(matches!(&error, ProviderError::Refused { .. }));
        assert!(error.to_string().contains(&format!("file {key}.v1 is invalid")), "{error}");
    }
    let files: Vec<_> = keys.status().problems.into_iter().map(|problem| problem.file).collect();
    assert_eq!(files, ["directory.v1", "half.v1", "long.v1", "short.v1", "text.v1", "README", "k.v01"]);
}

#[tokio::test]
async fn file_that_becomes_bad_keeps_its_value_and_is_reported() {
    let (directory, keys) = with(&[("k.v1", 1)]);
    let made = generate(&keys, "k").await;
    let epoch = keys.epoch();
    std::fs::write(directory.path().join("k.v1"), "").unwrap();
    assert!(keys.reload());
    assert_eq!(keys.epoch(), epoch, "answers are the same");
    assert!(unwraps(&keys, "k", &made).await);
    assert_eq!(keys.status().problems.len(), 1);
    put(directory.path(), "k.v1", 1);
    assert!(keys.reload());
    assert!(keys.status().problems.is_empty());
}

#[tokio::test]
async fn bad_new_version_leaves_the_old_one_wrapping() {
    let (directory, keys) = with(&[("k.v1", 1)]);
    std::fs::write(directory.path().join("k.v2"), "typo").unwrap();
    assert!(keys.reload());
    assert_eq!(version(&generate(&keys, "k").await), 1);
    assert_eq!(keys.status().problems[0].file, "k.v2");
}

#[tokio::test]
async fn missing_directory_is_unavailable_until_it_returns() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("keys");
    let keys = open(&directory);
    assert!(matches!(keys.generate(&context("k")).await, Err(ProviderError::Unavailable { .. })));
    assert!(keys.status().directory.is_some());
    std::fs::create_dir(&directory).unwrap();
    put(&directory, "k.v1", 1);
    assert!(keys.reload());
    let made = generate(&keys, "k").await;
    std::fs::rename(&directory, parent.path().join("away")).unwrap();
    assert!(keys.reload());
    assert!(matches!(
        keys.unwrap(&context("k"), made.1.as_bytes()).await,
        Err(ProviderError::Unavailable { .. })
    ));
    std::fs::rename(parent.path().join("away"), &directory).unwrap();
    assert!(keys.reload());
    assert!(unwraps(&keys, "k", &made).await);
}

#[tokio::test]
async fn follows_the_swap_of_a_mounted_secret() {
    let mount = TempDir::new().unwrap();
    let generation = |name: &str, files: &[(&str, u8)]| {
        let directory = mount.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        for (file, key) in files {
            put(&directory, file, *key);
        }
    };
    generation("..2026_01", &[("k.v1", 1)]);
    symlink("..2026_01", mount.path().join("..data")).unwrap();
    symlink("..data/k.v1", mount.path().join("k.v1")).unwrap();
    let keys = open(mount.path());
    let old = generate(&keys, "k").await;
    assert_eq!(version(&old), 1);

    generation("..2026_02", &[("k.v1", 1), ("k.v2", 2)]);
    symlink("..2026_02", mount.path().join("..data_tmp")).unwrap();
    std::fs::rename(mount.path().join("..data_tmp"), mount.path().join("..data")).unwrap();
    std::fs::remove_dir_all(mount.path().join("..2026_01")).unwrap();
    // The link of the new file comes after the swap, and is not needed.
    assert!(keys.reload());
    assert_eq!(version(&generate(&keys, "k").await), 2);
    assert!(unwraps(&keys, "k", &old).await);
    assert!(!keys.reload());
}

#[tokio::test]
async fn arbitrary_wrapped_keys_are_corrupt_or_refused() {
    let (_directory, keys) = with(&[("k.v1", 1)]);
    let (_, wrapped) = generate(&keys, "k").await;
    for length in [0, 1, 4, 63, 65, 200] {
        let error = keys.unwrap(&context("k"), &vec![0; length]).await.unwrap_err();
        assert!(matches!(error, ProviderError::Corrupt { .. }));
    }
    for at in 0..64 {
        let mut altered = wrapped.as_bytes().to_vec();
        altered[at] ^= 1;
        let error = keys.unwrap(&context("k"), &altered).await.unwrap_err();
        assert_eq!(matches!(error, ProviderError::Refused { .. }), at < 4);
    }
}

#[test]
fn debug_and_status_show_no_material() {
    let (_directory, keys) = with(&[("k.v1", 0xab)]);
    let shown = format!("{keys:?}{:?}", keys.status());
    assert!(!shown.contains(&STANDARD.encode([0xab; 32])) && !shown.contains("171"));
}

#[test]
fn a_fingerprint_is_the_one_that_the_operator_computes() {
    // HMAC-SHA-256 of the label under 32 bytes of 7, as in the operator's test.
    assert_eq!(file::Kek::of([7; 32]).fingerprint(), "c59760862e517edb");
}

#[test]
fn changes_are_the_keys_that_came_went_or_became_others() {
    use super::file::{Kek, KeyVersion};
    use super::{directory::Listing, versions::Loaded};
    let state = |files: &[(&str, u8)]| {
        let files =
            files.iter().map(|(file, byte)| (KeyVersion::parse(file).unwrap(), Ok(Kek::of([*byte; 32]))));
        Loaded::default().follow(Ok(Listing { files: files.collect(), misnamed: Vec::new() }))
    };
    let before = state(&[("same.v1", 1), ("gone.v1", 2), ("other.v1", 3)]);
    let after = state(&[("same.v1", 1), ("other.v1", 4), ("new.v2", 5)]);
    let changes =
        before.changes(&after).map(|(key, version, kek)| format!("{key}.v{version} {}", kek.is_some()));
    assert_eq!(changes.collect::<Vec<_>>(), ["gone.v1 false", "new.v2 true", "other.v1 true"]);
}
