//! The program that the page prints, as the owner of a key runs it.

use std::path::Path;

use proxy_crypto::{KeyProvider, ProviderError};
use proxy_kms::Kmip;
use tests::Rig;

use super::super::contract::context;
use super::super::page;
use super::{Server, said};

/// Types what the page prints with these words in it, after other commands. What that printed.
async fn typed(server: &Server, before: &str, words: &str, places: &[(&str, &str)]) -> String {
    let python = format!("{} -W ignore keys.py", Rig::shared().part("PYKMIP"));
    let places = [places, &[("python keys.py", &python)]].concat();
    let commands = page::elsewhere(&page::commands("kmip.md", words), &places);
    let (commands, folder) = (format!("{before}\n{commands}"), server.folder.path().to_owned());
    let printed = tokio::task::spawn_blocking(move || page::run(&commands, &folder)).await;
    printed.unwrap().trim().to_owned()
}

/// Has the program make a key. Its unique identifier.
async fn make(server: &Server) -> String {
    let (owner, port) = (server.kmip.owner(), server.kmip.address().port().to_string());
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let places = [
        ("kmip.example.com", "127.0.0.1"),
        ("5696", &port),
        ("owner.crt", &text(&owner.certificate)),
        ("owner.key", &text(&owner.key)),
        ("ca.crt", &text(&server.kmip.certificates().authority())),
        // It is installed already.
        ("pip install pykmip && ", ""),
    ];
    typed(server, "", "keys.py make", &places).await
}

/// A proxy with the owner's rights: by this server's default policy others have none.
fn of_owner(server: &Server) -> Kmip {
    let owner = server.kmip.owner();
    server.with(|settings| {
        settings.certificate.clone_from(&owner.certificate);
        settings.key.clone_from(&owner.key);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_makes_a_key_that_its_owner_can_use() {
    let server = Server::start().await;
    let key = make(&server).await;
    let provider = of_owner(&server);
    let (dek, wrapped) = provider.generate(&context("payments")).await.unwrap();
    assert_eq!(provider.version(wrapped.as_bytes()), Some(key));
    assert!(provider.unwrap(&context("payments"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    let other = server.with(|_| {}).generate(&context("payments")).await;
    assert!(matches!(other, Err(ProviderError::Refused { .. })), "{:?}", other.map(drop));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_rotates_revokes_and_destroys_a_key() {
    let server = Server::start().await;
    let (old, provider, context) = (make(&server).await, of_owner(&server), context("payments"));
    let (dek, wrapped) = provider.generate(&context).await.unwrap();

    let before = format!("key={old}");
    let new = typed(&server, &before, "keys.py rotate", &[]).await;
    assert_ne!(new, old);
    let (_, rewrapped) = provider.generate(&context).await.unwrap();
    assert_eq!(provider.version(rewrapped.as_bytes()), Some(new.clone()));
    assert!(provider.unwrap(&context, wrapped.as_bytes()).await.unwrap().same_as(&dek), "it reads on");

    // This server decrypts with active keys alone.
    typed(&server, &before, "keys.py revoke", &[]).await;
    let error = provider.unwrap(&context, wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert!(matches!(error, ProviderError::Refused { gone: false, .. }), "{error}");
    provider.generate(&context).await.unwrap();

    typed(&server, &before, "keys.py destroy", &[]).await;
    let error = provider.unwrap(&context, wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert!(matches!(error, ProviderError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("Item Not Found"), "{error}");
    // Nothing of that concerns the new one, which ends in the same way.
    provider.unwrap(&context, rewrapped.as_bytes()).await.unwrap();
    typed(&server, &format!("key={new}"), "keys.py revoke", &[]).await;
    let error = said(&provider, "payments").await;
    assert!(matches!(error, ProviderError::Refused { .. }), "{error}");
}
