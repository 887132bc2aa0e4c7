//! The admin port of a proxy: what it is asked, and what is read of its answers.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Adopted, Key, Report};
use crate::controller::ADMIN_PORT;

/// How long a pod may take to accept a connection to its admin port.
const CONNECT: Duration = Duration::from_secs(1);
/// A proxy that takes longer than this counts as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most that is read of an answer.
const MAX_ANSWER: usize = 4 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyAnswer {
    hash: Option<String>,
    last_error: Option<String>,
}

#[derive(Default, Deserialize)]
struct TopicsAnswer {
    #[serde(default)]
    unmatched: Vec<serde_json::Value>,
    #[serde(default)]
    facts: BTreeMap<String, TopicAnswer>,
}

#[derive(Deserialize)]
struct TopicAnswer {
    compacted: Option<bool>,
}

/// Asks pods, and nobody that a pod might send the operator to.
pub(crate) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().connect_timeout(CONNECT).no_proxy();
    client.redirect(Policy::none()).build().expect("a client without TLS needs nothing of the system")
}

/// Where the admin port of a pod with this address is.
pub(super) fn base(address: &str) -> String {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    format!("http://{host}:{ADMIN_PORT}")
}

/// All that a proxy says whose admin port is there.
pub(super) async fn report(http: &reqwest::Client, base: &str) -> Result<Report, String> {
    let policy: PolicyAnswer = json(http, &format!("{base}/policy")).await?;
    let keys: Vec<Key> = json(http, &format!("{base}/keys")).await?;
    // Not there before the listeners are open.
    let topics: TopicsAnswer = json(http, &format!("{base}/topics")).await.unwrap_or_default();
    // Proxies of an earlier version do not have it.
    let history: Vec<Adopted> = json_if_any(http, &format!("{base}/history")).await?;
    let (status, text) = get(http, &format!("{base}/readyz")).await?;
    let obstacles = if status.is_success() { Vec::new() } else { text.lines().map(str::to_owned).collect() };
    Ok(Report {
        policy: policy.hash,
        policy_error: policy.last_error,
        keys,
        unmatched: topics.unmatched.len(),
        compacted: topics.facts.into_iter().map(|(name, facts)| (name, facts.compacted)).collect(),
        history,
        obstacles,
    })
}

async fn json<T: DeserializeOwned>(http: &reqwest::Client, url: &str) -> Result<T, String> {
    read(get(http, url).await?)
}

/// The same of a path that not every proxy has.
async fn json_if_any<T: DeserializeOwned + Default>(http: &reqwest::Client, url: &str) -> Result<T, String> {
    match get(http, url).await? {
        (StatusCode::NOT_FOUND, _) => Ok(T::default()),
        answer => read(answer),
    }
}

fn read<T: DeserializeOwned>((status, text): (StatusCode, String)) -> Result<T, String> {
    if !status.is_success() {
        return Err(format!("it answers {status}"));
    }
    serde_json::from_str(&text)
        .map_err(|_| "its answer is not what this version of the operator knows".to_owned())
}

pub(super) async fn get(http: &reqwest::Client, url: &str) -> Result<(StatusCode, String), String> {
    let silent = || "its admin port does not answer".to_owned();
    let asked = async {
        let mut response = http.get(url).send().await.map_err(|_| silent())?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| silent())? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err("its answer has more than 4 MiB".to_owned());
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(silent()))
}
