//! What the proxy's admin port says.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Proxy;

const LIMIT: Duration = Duration::from_secs(10);

/// An answer over HTTP.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status, such as 200.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// All samples of one look at the metrics.
#[derive(Debug, Clone)]
pub struct Metrics(Vec<Sample>);

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Proxy {
    /// Asks the admin port for a path.
    pub async fn get(&self, path: &str) -> io::Result<Answer> {
        self.ask("GET", path).await
    }

    /// A request that asks the admin port to do something.
    pub async fn post(&self, path: &str) -> io::Result<Answer> {
        self.ask("POST", path).await
    }

    async fn ask(&self, method: &str, path: &str) -> io::Result<Answer> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.admin_address()).await?;
            // HTTP/1.0, so that the body ends with the connection.
            let request = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.admin_address());
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        };
        let answer =
            timeout(LIMIT, exchange).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no HTTP answer"))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no HTTP status"))?;
        Ok(Answer { status, body: body.to_owned() })
    }

    /// `/policy`: which one is in force, and why a newer one is not.
    pub async fn policy(&self) -> Value {
        self.json("/policy").await
    }

    /// `/brokers`: where brokers are, and why a newer file is not in use.
    pub async fn brokers(&self) -> Value {
        self.json("/brokers").await
    }

    /// `/keys`: each rule's key and what its provider said.
    pub async fn keys(&self) -> Vec<Value> {
        self.json("/keys").await.as_array().cloned().unwrap_or_default()
    }

    /// `/history`: where clear records end to be history.
    pub async fn history(&self) -> Vec<Value> {
        self.json("/history").await.as_array().cloned().unwrap_or_default()
    }

    /// `/topics`: what the data plane knows of topics.
    pub async fn topics(&self) -> Value {
        self.json("/topics").await
    }

    /// The metrics as they are now.
    pub async fn metrics(&self) -> Metrics {
        Metrics::parse(&self.body("/metrics").await)
    }

    async fn json(&self, path: &str) -> Value {
        let body = self.body(path).await;
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error} in {body}"))
    }

    async fn body(&self, path: &str) -> String {
        let answer = self.get(path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }
}

impl Metrics {
    /// Parses the text form of Prometheus or `OpenMetrics`.
    pub fn parse(text: &str) -> Self {
        Self(
            text.lines()
                .filter(|line| !line.starts_with('#') && !line.is_empty())
                .map(Sample::parse)
                .collect(),
        )
    }

    /// The sum of all samples of that name that have these labels among theirs; 0 without any.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let matches = |sample: &&Sample| sample.name == name && labels.iter().all(|label| sample.has(label));
        self.0.iter().filter(matches).map(|sample| sample.value).sum()
    }

    /// Whether there is a sample of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|sample| sample.name == name)
    }

    /// All names.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|sample| sample.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let (name, labels) =
            name.strip_suffix('}').and_then(|name| name.split_once('{')).unwrap_or((name, ""));
        let value = value.parse().unwrap_or_else(|error| panic!("{error} in {line}"));
        Self { name: name.to_owned(), labels: parse_labels(labels), value }
    }

    fn has(&self, label: &(&str, &str)) -> bool {
        self.labels.iter().any(|(name, value)| (name.as_str(), value.as_str()) == *label)
    }
}

fn parse_labels(text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut letters = after.char_indices();
        let mut end = after.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => {
                    value.extend(letters.next().map(|(_, letter)| if letter == 'n' { '\n' } else { letter }));
                }
                letter => value.push(letter),
            }
        }
        labels.push((name.trim_start_matches(',').to_owned(), value));
        rest = &after[end..];
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_labels() {
        let text = "# TYPE a counter\na_total{x=\"1\",y=\"p,\\\"q\\\"\"} 2\na_total{x=\"1\",y=\"r\"} 3.5\nb 7\n# EOF\n";
        let metrics = Metrics::parse(text);
        assert!((metrics.sum("a_total", &[("x", "1")]) - 5.5).abs() < 1e-9);
        assert!((metrics.sum("a_total", &[("y", "p,\"q\"")]) - 2.0).abs() < 1e-9);
        assert!((metrics.sum("b", &[]) - 7.0).abs() < 1e-9);
        assert_eq!(metrics.names(), ["a_total", "b"]);
    }
}
