//! What stands before a stand-in for AWS: TLS, a record of what came, and answers of its own where a test wants some.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::faults::acceptor;
use crate::certificates::Identity;
use crate::ports::Ports;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct AwsRequest {
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
    line: String,
}

/// What to answer in place of the server.
#[derive(Debug, Clone)]
pub struct AwsAnswer {
    status: u16,
    content_type: &'static str,
    header: Option<(&'static str, &'static str)>,
    body: String,
}

type Rule = Box<dyn Fn(&AwsRequest) -> Option<AwsAnswer> + Send>;

/// An HTTPS server on a loopback port. Dropped, it ends.
pub struct AwsFront {
    ports: Ports,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

struct Shared {
    server: SocketAddr,
    client: reqwest::Client,
    seen: Mutex<Vec<AwsRequest>>,
    rule: Mutex<Option<Rule>>,
}

impl AwsRequest {
    /// The operation, such as `Decrypt`; none for a call to STS.
    pub fn operation(&self) -> Option<&str> {
        self.headers.get("x-amz-target")?.strip_prefix("TrentService.")
    }

    /// Method and path, such as `GET /latest/meta-data/`.
    pub fn what(&self) -> &str {
        self.line.trim_end().rsplit_once(' ').map_or("", |(what, _)| what)
    }

    /// A call's parameters.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The scope that it is signed for: access key, day, region, service.
    pub fn scope(&self) -> Vec<&str> {
        let authorization = self.headers.get("authorization").map(String::as_str).unwrap_or_default();
        let scope = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=").unwrap_or_default();
        scope.split_once(',').map_or(scope, |(scope, _)| scope).split('/').collect()
    }
}

impl AwsAnswer {
    /// An error as KMS words it.
    pub fn kms_error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"__type": code, "message": message}).to_string();
        Self::other(status, &body)
    }

    /// An error as STS words it.
    pub fn sts_error(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
        let body = format!("<ErrorResponse><Error>{error}</Error><RequestId>1</RequestId></ErrorResponse>");
        Self { content_type: "text/xml", ..Self::other(status, &body) }
    }

    /// Something that nobody expects.
    pub fn other(status: u16, body: &str) -> Self {
        let content_type = "application/x-amz-json-1.1";
        Self { status, content_type, header: None, body: body.to_owned() }
    }

    /// With one header more.
    #[must_use]
    pub fn header(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

impl AwsFront {
    /// Stands before `server`, which speaks HTTP without TLS.
    pub async fn before(server: SocketAddr, identity: &Identity) -> Self {
        let ports = Ports::take(1);
        let listener = TcpListener::bind(("127.0.0.1", ports.port(0))).await.expect("the port is ours");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        let (seen, rule) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { server, client, seen, rule });
        let mut task = JoinSet::new();
        task.spawn(Arc::clone(&shared).run(listener, acceptor(identity)));
        Self { ports, shared, _task: task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.port(0)).into()
    }

    /// Answers in place of the server where the rule gives an answer.
    pub fn answer(&self, rule: impl Fn(&AwsRequest) -> Option<AwsAnswer> + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// Lets everything through again.
    pub fn pass(&self) {
        *self.shared.rule.lock().unwrap() = None;
    }

    /// The requests since the last call, oldest first.
    pub fn take_requests(&self) -> Vec<AwsRequest> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }
}

impl fmt::Debug for AwsFront {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsFront").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Shared {
    async fn run(self: Arc<Self>, listener: TcpListener, tls: TlsAcceptor) {
        let mut connections = JoinSet::new();
        loop {
            let (client, _) = listener.accept().await.expect("a connection comes");
            let (shared, tls) = (Arc::clone(&self), tls.clone());
            connections.spawn(async move {
                let Ok(client) = tls.accept(client).await else { return };
                let mut client = BufReader::new(client);
                while let Some(request) = read(&mut client).await {
                    let answer = shared.serve(&request).await;
                    if write(client.get_mut(), &answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    }

    async fn serve(&self, request: &AwsRequest) -> AwsAnswer {
        self.seen.lock().unwrap().push(request.clone());
        let answer = self.rule.lock().unwrap().as_ref().and_then(|rule| rule(request));
        match answer {
            Some(answer) => answer,
            None => self.forward(request).await.unwrap_or_else(|_| AwsAnswer::other(502, "")),
        }
    }

    async fn forward(&self, request: &AwsRequest) -> reqwest::Result<AwsAnswer> {
        let path = request.line.split(' ').nth(1).unwrap_or("/");
        let mut forwarded = self.client.post(format!("http://{}{path}", self.server));
        for (name, value) in &request.headers {
            forwarded = forwarded.header(name, value);
        }
        let answer = forwarded.body(request.body.clone()).send().await?;
        let status = answer.status().as_u16();
        let xml = answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().ends_with(b"xml"));
        let content_type = if xml { "text/xml" } else { "application/x-amz-json-1.1" };
        Ok(AwsAnswer { status, content_type, header: None, body: answer.text().await? })
    }
}

async fn read(client: &mut BufReader<impl AsyncRead + Unpin>) -> Option<AwsRequest> {
    let mut request = AwsRequest::default();
    client.read_line(&mut request.line).await.ok().filter(|length| *length > 0)?;
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = request.headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    client.read_exact(&mut request.body).await.ok()?;
    Some(request)
}

async fn write(client: &mut (impl AsyncWrite + Unpin), answer: &AwsAnswer) -> std::io::Result<()> {
    let AwsAnswer { status, content_type, header, body } = answer;
    let length = body.len();
    let more = header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{more}\r\n{body}"
    );
    client.write_all(text.as_bytes()).await?;
    client.flush().await
}
