//! What proxies log in with is replaced while they run.

use std::fs;

use serde_json::json;
use tests::eventually;

use super::stored::stored;
use super::{HOUR, Owner, PATIENCE, batch, create, policy};

/// Conformance: TE-09.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_whose_token_was_revoked_serves_again_with_the_next_one_in_its_file() {
    let owner = Owner::new().await;
    let proxy = owner.proxy("token", json!({})).await;
    let topic = create("token.a").await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    let (process, revoked) = (proxy.id(), owner.token());
    owner.server.revoke(&revoked).await;
    // Has the keys tried now, and not when their time comes, and asks for another data key with the next write.
    proxy.apply_policy(&policy("token").field("rotations", json!([{"name": "a", "mark": "1"}]))).await;
    proxy.wait_for_key_state("a", "Refused").await;

    let next = owner.server.token("proxies", HOUR).await;
    // As whoever keeps it does: nobody sees half of it.
    fs::write(owner.folder.join("next"), &next).unwrap();
    fs::rename(owner.folder.join("next"), owner.folder.join("token")).unwrap();
    proxy.wait_for_key_state("a", "Ready").await;
    let sealed = async || {
        let written = proxy.write_batch(&topic, &batch()).await.is_ok();
        let data_keys: Vec<_> = stored(&topic, 0).await.into_iter().map(|batch| batch.data_key).collect();
        written && data_keys.first() != data_keys.last()
    };
    eventually("a data key that came with the next token seals", PATIENCE, sealed).await;
    let read = proxy.read_batches(&topic, 0).await.unwrap();
    assert!(read.len() >= 2 && read.iter().all(|read| *read == batch().as_sent()));
    assert_eq!(proxy.id(), process, "it was not started anew");
    let log = proxy.log();
    assert!(!log.contains(&revoked) && !log.contains(&next), "no log shows a token");
}
