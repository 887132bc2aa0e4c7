//! `keys pseudonym` makes what a rule holds to give keys of records pseudonyms.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proxy_crypto::{ClusterName, Dek, KeyName, KeyProvider as _, KmsContext, LocalKeys, ProviderName};
use tests::{Cluster, Proxy, Rule, Scratch, SentRecord, proxy::Pattern, topic};

use super::audit::{delete_records, produce};
use super::{Ran, config, owner, run, text};

/// A folder with a file for the tools and local keys beside it.
fn folder(keys: &[(&str, u8)]) -> Scratch {
    let folder = Scratch::new("pseudonym");
    let file = "cluster: test-cluster\nkeyProviders: {files: {local: {directory: keys}}}\n";
    std::fs::write(folder.join("tools.yaml"), file).unwrap();
    std::fs::create_dir(folder.join("keys")).unwrap();
    for (name, byte) in keys {
        put(&folder, name, *byte);
    }
    folder
}

fn put(folder: &Scratch, name: &str, byte: u8) {
    std::fs::write(folder.join("keys").join(name), STANDARD.encode([byte; 32])).unwrap();
}

async fn pseudonym(folder: &Scratch, words: &[&str]) -> Ran {
    let config = text(folder.join("tools.yaml"));
    run(&[&["keys", "pseudonym", "--config", &config, "--provider", "files"], words].concat()).await
}

impl Ran {
    /// The one line that was printed.
    #[track_caller]
    fn line(&self) -> &str {
        let line = self.out.strip_suffix('\n').expect("it ends");
        assert!(!line.contains('\n'), "{line}");
        line
    }
}

/// What a wrapped key holds, by the library itself. It is nowhere in what was printed.
async fn opened(keys: &Path, key: &str, ran: &Ran) -> Dek {
    let provider = ProviderName::new("files").unwrap();
    let keys = LocalKeys::open(keys, provider.clone());
    let (cluster, key) = (ClusterName::new("test-cluster").unwrap(), KeyName::new(key).unwrap());
    let wrapped = STANDARD.decode(ran.line()).unwrap();
    let dek = keys.unwrap(&KmsContext { cluster, provider, key }, &wrapped).await.unwrap();
    let hexadecimal = dek.expose().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    ran.hides(&[&STANDARD.encode(dek.expose()), &hexadecimal]);
    dek
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_pseudonyms_is_printed_alone_and_checks_as_part_of_a_policy() {
    let folder = folder(&[("customers.v1", 1)]);
    let first = pseudonym(&folder, &["--key", "customers"]).await.ends(0);
    let second = pseudonym(&folder, &["--key", "customers"]).await.ends(0);
    let keys = folder.join("keys");
    let deks = [opened(&keys, "customers", &first).await, opened(&keys, "customers", &second).await];
    assert!(!deks[0].same_as(&deks[1]), "each is a new one");
    let advice = format!("recordKeys: {{pseudonymKey: {}}}", first.line());
    assert!(first.errors.contains(&advice), "{}", first.errors);

    // As it says, in the policy of a proxy.
    let config = "cluster: test-cluster
upstream: {bootstrapServers: ['127.0.0.1:9']}
listeners: [{name: a, bind: '127.0.0.1:29092', advertisedHost: a, brokerPorts: {start: 29100}}]
keyProviders: {files: {local: {directory: keys}}}
policy: {file: policy.yaml, ledger: external}
";
    let rule = format!(
        "{{topics: [{{any: true}}], key: {{provider: files, name: customers}}, format: Record, {advice}}}"
    );
    std::fs::write(folder.join("proxy.yaml"), config).unwrap();
    std::fs::write(folder.join("policy.yaml"), format!("rules: [{rule}]")).unwrap();
    let checked = run(&["check", "--online", "--config", &text(folder.join("proxy.yaml"))]).await.ends(0);
    assert!(checked.out.contains("recordKeys pseudonyms"), "{}", checked.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_wrapped_by_a_new_version_and_by_another_key() {
    let folder = folder(&[("customers.v1", 1), ("others.v1", 3)]);
    let keys = folder.join("keys");
    let first = pseudonym(&folder, &["--key", "customers"]).await.ends(0);
    let dek = opened(&keys, "customers", &first).await;
    put(&folder, "customers.v2", 2);
    let again = ["--key", "customers", "--rewrap", first.line()];
    let second = pseudonym(&folder, &again).await.ends(0);
    assert!(second.errors.contains("Pseudonyms stay as they are"), "{}", second.errors);
    let moved = ["--key", "others", "--from-key", "customers", "--rewrap", second.line()];
    let moved = pseudonym(&folder, &moved).await.ends(0);

    // The first version is not needed any more.
    std::fs::remove_file(keys.join("customers.v1")).unwrap();
    assert!(opened(&keys, "customers", &second).await.same_as(&dek));
    assert!(opened(&keys, "others", &moved).await.same_as(&dek));
    let gone = pseudonym(&folder, &again).await.ends(1);
    assert_eq!(gone.out, "");
    for told in ["'files'", "'customers'", "customers.v1"] {
        assert!(gone.errors.contains(told), "{told}: {}", gone.errors);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_printed_but_provider_key_and_cause() {
    let folder = folder(&[("customers.v1", 1), ("others.v1", 3)]);
    let missing = pseudonym(&folder, &["--key", "nobodys"]).await.ends(1);
    let made = pseudonym(&folder, &["--key", "customers"]).await.ends(0);
    // Bound to its own key.
    let foreign = pseudonym(&folder, &["--key", "others", "--rewrap", made.line()]).await.ends(1);
    let arguments = ["--key", "k", "--from-provider", "vault", "--rewrap", made.line()];
    let unknown = pseudonym(&folder, &arguments).await.ends(1);
    for (ran, told) in [
        (missing, ["'files'", "'nobodys'", "no file NAME.vN"]),
        (foreign, ["'files'", "'others'", "belongs to another cluster, provider or key"]),
        (unknown, ["'vault'", "'k'", "no key provider of this name is configured"]),
    ] {
        assert_eq!(ran.out, "");
        for told in told {
            assert!(ran.errors.contains(told), "{told}: {}", ran.errors);
        }
    }
    for words in [
        &["--key", "k", "--rewrap", "AQI"][..],
        &["--key", "k", "--from-key", "l"],
        &["--key", "a/../b"],
        &[],
    ] {
        pseudonym(&folder, words).await.ends(2);
    }
}

/// A version that no record needs any more, but a rule.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_wraps_a_pseudonym_key_cannot_be_destroyed() {
    let rule = |key: &str| {
        let rule = Rule::encrypt([Pattern::prefix("audit.")], "customers").format("Record");
        rule.field("recordKeys", serde_json::json!({"pseudonymKey": key}))
    };
    let proxy: Proxy =
        owner([Rule::encrypt([Pattern::prefix("audit.")], "customers").format("Record")]).await;
    let topic = topic("audit.pseudonyms");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let config = config(&proxy);
    let make = ["keys", "pseudonym", "--config", &config, "--key", "customers"];
    let old = run(&make).await.ends(0);
    proxy.write_key("customers", 2);
    let new = run(&[&make[..], &["--rewrap", old.line()]].concat()).await.ends(0);
    super::rotate(&proxy, "customers", 3, &topic).await;
    // All that is there: some of it is under the first version.
    delete_records(&topic, -1).await;
    produce(proxy.bootstrap(), &topic, &[SentRecord::of("new").key("k").partition(0)]).await;
    let ask = async |key: &str, code: i32| {
        let asked = ["audit", "--quiet", "--output", "json", "--topic", &topic, "--config", &config];
        run(&[&asked[..], &["--can-destroy", key]].concat()).await.ends(code).json()["canDestroy"].clone()
    };
    for free in ["default/customers:1", "default/customers:2"] {
        assert_eq!(ask(free, 4).await["answer"], "not in these topics", "{free}");
    }

    for (key, needed, free) in [(&old, 1, 2), (&new, 2, 1)] {
        proxy.apply_policy(&tests::PolicyFile::new([rule(key.line())])).await;
        let no = ask(&format!("default/customers:{needed}"), 1).await;
        let reasons = no["reasons"].to_string();
        let rule = format!(
            "rules[0] of the policy (prefix audit.) needs it to write: its recordKeys.pseudonymKey is wrapped by version {needed}"
        );
        assert!(reasons.contains(&rule), "{no}");
        ask(&format!("default/customers:{free}"), 4).await;
    }
}
