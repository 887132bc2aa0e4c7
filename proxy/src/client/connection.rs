//! One connection to a broker.

use super::{ClientError, MAX_FRAME};
use crate::brokers::Address;
use crate::budget::Budget;
use crate::frame::FrameReader;
use crate::handler::lookup;
use crate::io::Writer;
use crate::login;
use crate::upstream::Upstream;
use crate::wire::{self, Direction};
use kafka_protocol::messages::ApiVersionsRequest;
use kafka_protocol::protocol::{Decodable as _, Request};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::time::Instant;

/// Longer than brokers hold any of the requests that are sent here.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Connection {
    reader: FrameReader,
    writer: Writer,
    correlation: i32,
    versions: HashMap<i16, RangeInclusive<i16>>,
    /// The broker wants to know again then who this is (KIP-368).
    expires: Option<Instant>,
}

impl Connection {
    /// Connects, authenticates, and asks which versions the broker speaks.
    pub(super) async fn open(upstream: &Upstream, address: &Address) -> Result<Self, ClientError> {
        let (reader, mut writer) = upstream.connect_to(address).await.map_err(ClientError::Connect)?;
        let mut reader = FrameReader::new(reader, MAX_FRAME, Budget::new(MAX_FRAME));
        let expires = match upstream.credentials() {
            None => None,
            Some(credentials) => login::first(credentials, &mut reader, &mut writer)
                .await
                .map_err(|close| ClientError::Login(Box::new(close)))?,
        };
        let mut connection = Self { reader, writer, correlation: 0, versions: HashMap::new(), expires };
        // The oldest version, which every broker answers.
        let answer = connection.send(&ApiVersionsRequest::default(), 0).await?;
        let versions = answer.api_keys.iter().map(|api| (api.api_key, api.min_version..=api.max_version));
        connection.versions = versions.collect();
        Ok(connection)
    }

    /// A new connection is cheaper to get right than to authenticate on this one again.
    pub(super) fn is_stale(&self) -> bool {
        self.expires.is_some_and(|expires| Instant::now() >= expires)
    }

    /// The newest of these versions that the broker speaks.
    pub(super) fn version<R: Request>(&self, ours: RangeInclusive<i16>) -> Result<i16, ClientError> {
        let theirs = self.versions.get(&R::KEY).ok_or(ClientError::Version(R::KEY))?;
        let newest = *ours.end().min(theirs.end());
        let oldest = *ours.start().max(theirs.start());
        if oldest <= newest { Ok(newest) } else { Err(ClientError::Version(R::KEY)) }
    }

    /// Sends a request in the newest of these versions and waits for its answer. After an error the connection is of no use.
    pub(super) async fn call<R: Request>(
        &mut self,
        request: &R,
        versions: RangeInclusive<i16>,
    ) -> Result<R::Response, ClientError> {
        let version = self.version::<R>(versions)?;
        self.send(request, version).await
    }

    async fn send<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, ClientError> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(request, version)).await;
        answer.map_err(|_| ClientError::Timeout(R::KEY))?
    }

    async fn exchange<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, ClientError> {
        let flexible = R::header_version(version) >= 2;
        let body = lookup::encode(request, version, flexible).ok_or(ClientError::Codec(R::KEY))?;
        self.correlation = self.correlation.wrapping_add(1);
        let message = wire::write::request(R::KEY, version, self.correlation, &body);
        let prefix = u32::try_from(message.len()).map_err(|_| ClientError::Codec(R::KEY))?.to_be_bytes();
        self.writer.write_slices(&[&prefix, &message]).await.map_err(ClientError::Write)?;
        let frame = self.reader.next().await.map_err(ClientError::Read)?.ok_or(ClientError::Ended)?;
        let bytes = frame.bytes.freeze();
        let unreadable = |error| ClientError::Answer(R::KEY, error);
        let head = wire::response_header(R::KEY, version, &bytes).map_err(unreadable)?;
        if head.correlation_id != self.correlation {
            return Err(ClientError::Order(R::KEY));
        }
        let mut body = bytes.slice(head.body.ok_or(ClientError::Codec(R::KEY))?..);
        wire::check(R::KEY, version, Direction::Response, &body).map_err(unreadable)?;
        R::Response::decode(&mut body, version).map_err(|_| ClientError::Codec(R::KEY))
    }
}
