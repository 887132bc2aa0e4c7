//! A small HTTPS server, for stand-ins of key management systems that nobody serves for tests.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::faults::acceptor;
use crate::certificates::Identity;
use crate::ports::Ports;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct HttpRequest {
    /// Such as `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// What the body is said to be.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// What the caller is to log in with, in the words of the header `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// Another header.
    pub header: Option<(&'static str, &'static str)>,
}

type Answering = Pin<Box<dyn Future<Output = HttpAnswer> + Send>>;
type Handler = Box<dyn Fn(HttpRequest) -> Answering + Send + Sync>;
type Rule = Box<dyn Fn(&HttpRequest) -> Option<HttpAnswer> + Send>;

/// An HTTPS server on a loopback port. Dropped, it ends.
pub struct Https {
    ports: Ports,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

struct Shared {
    handler: Handler,
    seen: Mutex<Vec<HttpRequest>>,
    rule: Mutex<Option<Rule>>,
}

impl HttpRequest {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The fields of a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        text.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decode(k), decode(v))).collect()
    }

    /// The token of the header `Authorization`.
    pub fn bearer(&self) -> Option<&str> {
        self.headers.get("authorization")?.strip_prefix("Bearer ")
    }

    /// The body as a JSON object with exactly these fields, all texts or lists.
    pub(super) fn exactly(&self, fields: &[&str]) -> Result<Map<String, Value>, String> {
        let is_json =
            self.headers.get("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let body: Value = serde_json::from_slice(&self.body).map_err(|_| "the body is no JSON".to_owned())?;
        let Value::Object(body) = body else { return Err("the body is no object".to_owned()) };
        if let Some(unknown) = body.keys().find(|name| !fields.contains(&name.as_str())) {
            return Err(format!("Unknown name \"{unknown}\": Cannot find field."));
        }
        match fields.iter().find(|name| !body.contains_key(**name)) {
            Some(missing) => Err(format!("{missing} is missing")),
            None if is_json => Ok(body),
            None => Err("the content type is not application/json".to_owned()),
        }
    }

    /// The form, if it has exactly these fields.
    pub(super) fn form_exactly(&self, fields: &[&str]) -> Result<BTreeMap<String, String>, String> {
        let form = self.form();
        let mut wanted: Vec<_> = fields.to_vec();
        wanted.sort_unstable();
        let is_form =
            self.headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
        if is_form && form.keys().eq(wanted.iter()) {
            Ok(form)
        } else {
            Err(format!("the form has not {fields:?}"))
        }
    }
}

impl HttpAnswer {
    /// An answer in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    /// An answer with any body.
    pub fn text(status: u16, body: &str) -> Self {
        let content_type = "application/json";
        Self { status, content_type, body: body.to_owned(), challenge: None, header: None }
    }
}

impl Https {
    pub(super) async fn serve(
        identity: &Identity,
        handler: impl Fn(&HttpRequest) -> HttpAnswer + Send + Sync + 'static,
    ) -> Self {
        Self::relay(identity, move |request| std::future::ready(handler(&request))).await
    }

    /// The same with answers that are long in coming.
    pub(super) async fn relay<A>(
        identity: &Identity,
        handler: impl Fn(HttpRequest) -> A + Send + Sync + 'static,
    ) -> Self
    where
        A: Future<Output = HttpAnswer> + Send + 'static,
    {
        let handler: Handler = Box::new(move |request| Box::pin(handler(request)));
        let ports = Ports::take(1);
        let listener = TcpListener::bind(("127.0.0.1", ports.port(0))).await.expect("the port is ours");
        let shared = Arc::new(Shared { handler, seen: Mutex::default(), rule: Mutex::default() });
        let mut task = JoinSet::new();
        task.spawn(Arc::clone(&shared).run(listener, acceptor(identity)));
        Self { ports, shared, _task: task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.port(0)).into()
    }

    /// Answers in place of the stand-in where the rule gives an answer.
    pub fn answer(&self, rule: impl Fn(&HttpRequest) -> Option<HttpAnswer> + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// Lets the stand-in answer again.
    pub fn pass(&self) {
        *self.shared.rule.lock().unwrap() = None;
    }

    /// The requests since the last call, oldest first.
    pub fn take_requests(&self) -> Vec<HttpRequest> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https").field("address", &self.address()).finish_non_exhaustive()
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
                    let answer = shared.serve(request).await;
                    if write(client.get_mut(), &answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    }

    async fn serve(&self, request: HttpRequest) -> HttpAnswer {
        self.seen.lock().unwrap().push(request.clone());
        let given = self.rule.lock().unwrap().as_ref().and_then(|rule| rule(&request));
        match given {
            Some(answer) => answer,
            None => (self.handler)(request).await,
        }
    }
}

async fn read(client: &mut BufReader<impl AsyncRead + Unpin>) -> Option<HttpRequest> {
    let mut line = String::new();
    client.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut request = HttpRequest { method, path, ..HttpRequest::default() };
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

async fn write(client: &mut (impl AsyncWrite + Unpin), answer: &HttpAnswer) -> std::io::Result<()> {
    let HttpAnswer { status, content_type, body, challenge, header } = answer;
    let challenge =
        challenge.as_ref().map(|text| format!("www-authenticate: {text}\r\n")).unwrap_or_default();
    let header = header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{challenge}{header}\r\n{body}"
    );
    client.write_all(text.as_bytes()).await?;
    client.flush().await
}

/// A part of a form.
fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                u8::from_str_radix(&digits, 16).expect("two digits follow")
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).expect("the form is text")
}
