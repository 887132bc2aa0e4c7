//! Requests of the proxy's own on a client's connection: look-ups, and the renewal of the proxy's session.

use super::{Requests, length_prefix};
use crate::connection::Close;
use crate::connection::expected::Answer;
use crate::frame::Frame;
use crate::login;
use crate::wire;
use kafka_protocol::messages::ApiKey;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A look-up that takes longer counts as not answered.
const INJECTED_TIMEOUT: Duration = Duration::from_secs(10);

impl Requests {
    /// Asks the broker on the client's connection, thus with the client's rights. `request` is a whole message after
    /// its correlation id's place: key and version first. `None` when no answer came in time.
    ///
    /// Only in front of a Produce, Fetch or ShareFetch of the client's, before anything later of it is read. So it never
    /// comes between a handshake and the end of the authentication, the first or a repeated one: brokers let clients send
    /// nothing else there.
    pub(crate) async fn inject(
        &mut self,
        key: ApiKey,
        version: i16,
        body: &[u8],
    ) -> Result<Option<Frame>, Close> {
        self.renew().await?;
        let receiver = self.put(key, version, body).await?;
        match tokio::time::timeout(INJECTED_TIMEOUT, receiver).await {
            Ok(Ok(frame)) => Ok(Some(frame)),
            Ok(Err(_)) => Err(Close::BrokerEnded),
            Err(_) => Ok(None),
        }
    }

    /// Sends a request of the proxy's own. Gives where its answer will come.
    async fn put(
        &mut self,
        key: ApiKey,
        version: i16,
        body: &[u8],
    ) -> Result<oneshot::Receiver<Frame>, Close> {
        self.injected = self.injected.wrapping_add(1).min(-2);
        let message = wire::write::request(key as i16, version, self.injected, body);
        let (sender, receiver) = oneshot::channel();
        self.expect(self.injected, Answer::Injected(sender)).await?;
        let prefix = length_prefix(message.len());
        self.send(&[&prefix[..], &message[..]]).await?;
        Ok(receiver)
    }

    /// Authenticates again where the session of the proxy's own identity ends soon: once it has ended, a broker takes
    /// nothing else. Before each request that goes to the broker, and not earlier, as Kafka's own clients do.
    pub(crate) async fn renew(&mut self) -> Result<(), Close> {
        if self.renew_at.is_none_or(|at| Instant::now() < at) {
            return Ok(());
        }
        let session = Arc::clone(&self.session);
        if let Some(credentials) = session.shared.upstream.credentials() {
            self.renew_at = login::again(credentials, self).await?;
        }
        Ok(())
    }
}

impl login::Ask for Requests {
    async fn ask(&mut self, key: ApiKey, version: i16, body: &[u8]) -> Result<Frame, Close> {
        self.put(key, version, body).await?.await.map_err(|_| Close::BrokerEnded)
    }
}
