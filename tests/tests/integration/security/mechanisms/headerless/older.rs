//! A broker as before Kafka 1.0, to whose API versions clients keep: they then send tokens without a header (KIP-152). No
//! setting of a client's does that: librdkafka with `broker.version.fallback` asks for no mechanism at all, as brokers of 0.9
//! had it and those from 4.0 on do not, or for API versions anyway.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, ApiVersionsResponse, ResponseHeader};
use kafka_protocol::protocol::Decodable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::malformed::mock_broker::encode;

/// API keys, as a request begins with one.
const SASL_HANDSHAKE: u8 = 17;
const API_VERSIONS: u8 = 18;
/// Of a frame.
const LENGTH: usize = 4;

/// A relay to a broker of today's, until it is dropped.
pub(super) struct Older {
    pub(super) address: String,
    handshakes: Arc<Mutex<Vec<u8>>>,
    _listener: JoinSet<()>,
}

impl Older {
    pub(super) async fn before(broker: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let handshakes = Arc::<Mutex<Vec<u8>>>::default();
        let seen = Arc::clone(&handshakes);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (broker, seen) = (broker.clone(), Arc::clone(&seen));
                // Whichever side ends, it is no error here.
                connections.spawn(async move { drop(relay(stream, &broker, &seen).await) });
            }
        });
        Self { address, handshakes, _listener: task }
    }

    /// The versions of the SASL handshakes since the last time.
    pub(super) fn handshakes(&self) -> Vec<u8> {
        std::mem::take(&mut *self.handshakes.lock().unwrap())
    }
}

async fn relay(client: TcpStream, broker: &str, handshakes: &Mutex<Vec<u8>>) -> io::Result<()> {
    let broker = TcpStream::connect(broker).await?;
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    // The versions of the questions for API versions, by correlation id.
    let asked = Mutex::<HashMap<[u8; 4], i16>>::default();
    let request = |frame: Bytes| {
        match frame.first_chunk::<8>() {
            Some([0, API_VERSIONS, high, low, id @ ..]) => {
                asked.lock().unwrap().insert(*id, i16::from_be_bytes([*high, *low]));
            }
            Some([0, SASL_HANDSHAKE, _, version, ..]) => handshakes.lock().unwrap().push(*version),
            _ => {}
        }
        frame
    };
    let answer = |frame: Bytes| {
        let version = frame.first_chunk::<4>().and_then(|id| asked.lock().unwrap().remove(id));
        match version {
            Some(version) => without_authenticate(frame, version),
            None => frame,
        }
    };
    let (client_says, to_client) = client.into_split();
    let (broker_says, to_broker) = broker.into_split();
    tokio::select! {
        ended = pass_on(client_says, to_broker, request) => ended,
        ended = pass_on(broker_says, to_client, answer) => ended,
    }
}

async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    change: impl Fn(Bytes) -> Bytes,
) -> io::Result<()> {
    loop {
        let length = from.read_u32().await?;
        let mut frame = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        from.read_exact(&mut frame).await?;
        let frame = change(Bytes::from(frame));
        to.write_u32(u32::try_from(frame.len()).map_err(io::Error::other)?).await?;
        to.write_all(&frame).await?;
    }
}

fn without_authenticate(mut frame: Bytes, version: i16) -> Bytes {
    let header = ResponseHeader::decode(&mut frame, 0).unwrap();
    let mut answer = ApiVersionsResponse::decode(&mut frame, version).unwrap();
    answer.api_keys.retain(|api| api.api_key != ApiKey::SaslAuthenticate as i16);
    for api in &mut answer.api_keys {
        if api.api_key == ApiKey::SaslHandshake as i16 {
            api.max_version = 0;
        }
    }
    Bytes::from(encode(header.correlation_id, &answer, version)).slice(LENGTH..)
}
