//! Keys in OpenBao, records at a broker, proxies between: what owners do to their keys, and what clients see of it.

mod audit;
mod calls;
mod credentials;
mod hand_over;
mod known_keys;
mod outage;
mod pace;
mod revocation;
mod rotation;
mod shredding;
mod stored;
mod tools;
mod traffic;
mod two_providers;

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tests::kms::{Faults, OpenBao};
use tests::{Batch, Cluster, Pattern, PolicyFile, Proxy, Rule, Scratch, SentRecord, topic};

const HOUR: Duration = Duration::from_hours(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with the keys a and b, of which the proxies may use both, and the way there.
struct Owner {
    server: OpenBao,
    faults: Faults,
    folder: Scratch,
}

impl Owner {
    async fn new() -> Self {
        let server = OpenBao::start().await;
        let faults = Faults::before(server.address(), server.identity()).await;
        server.make_key("a").await;
        server.make_key("b").await;
        let folder = Scratch::new("owner");
        let owner = Self { server, faults, folder };
        owner.allow(&["a", "b"]).await;
        let token = owner.server.token("proxies", HOUR).await;
        fs::write(owner.folder.join("token"), token).unwrap();
        owner
    }

    /// From now on the proxies may use these keys.
    async fn allow(&self, keys: &[&str]) {
        self.server.allow("proxies", keys).await;
    }

    /// Makes so many keys, which alone the proxies may use, and a policy with a topic for each.
    async fn many_keys(&self, count: usize) -> PolicyFile {
        let names: Vec<_> = (0..count).map(|index| format!("many-{index}")).collect();
        for name in &names {
            self.server.make_key(name).await;
        }
        self.allow(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        PolicyFile::new(names.iter().map(|name| Rule::encrypt([Pattern::name(name)], name)))
    }

    /// What the proxies log in with.
    fn token(&self) -> String {
        fs::read_to_string(self.folder.join("token")).unwrap()
    }

    fn key_providers(&self) -> Value {
        json!({"default": {"vault": {
            "address": format!("https://localhost:{}", self.faults.port()),
            "auth": {"tokenFile": self.folder.join("token")},
            "tls": {"caFile": self.server.authority()},
        }}})
    }

    /// A proxy whose topics `PURPOSE.a…` and `PURPOSE.b…` have the keys a and b.
    async fn proxy(&self, purpose: &str, times: Value) -> Proxy {
        let proxy = self.launch(purpose, times).await;
        proxy.wait_ready().await;
        proxy
    }

    async fn launch(&self, purpose: &str, times: Value) -> Proxy {
        let policy = policy(purpose);
        let builder = Proxy::before(Cluster::shared().await).policy(policy);
        builder.config("keyProviders", self.key_providers()).config("keys", times).launch().await
    }

    /// Calls on keys that the server has answered, as its audit log tells.
    fn calls(&self) -> Vec<Value> {
        let of_transit = |entry: &Value| {
            let path = entry["request"]["path"].as_str().unwrap_or_default();
            path.starts_with("transit/datakey/") || path.starts_with("transit/decrypt/")
        };
        self.server.audit().into_iter().filter(of_transit).collect()
    }
}

/// Topics `PURPOSE.a…` and `PURPOSE.b…` have the keys a and b.
fn policy(purpose: &str) -> PolicyFile {
    let rule = |key: &str| Rule::encrypt([Pattern::prefix(&format!("{purpose}.{key}"))], key);
    PolicyFile::new([rule("a"), rule("b")])
}

async fn create(purpose: &str) -> String {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    topic
}

fn batch() -> Batch {
    Batch::of(&[SentRecord::of("some value").key("some key"), SentRecord::of("another value")])
}
