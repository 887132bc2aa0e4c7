//! How long a client may say nothing: connections are bounded, and who holds one must use it.

use crate::connection::Close;
use crate::connection::expected::Queue;
use crate::frame::{Frame, FrameReader};
use kafka_protocol::messages::ApiKey;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Bounds on a client's silence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// From the start of a connection to the first request that is not about authentication.
    pub(crate) authentication: Duration,
    /// Between two requests while nothing is to be answered.
    pub(crate) idle: Duration,
}

pub(super) struct Silence {
    timeouts: Timeouts,
    opened: Instant,
    /// Brokers have answered, or will, a request that needs authentication where they want that.
    used: bool,
}

impl Silence {
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, opened: Instant::now(), used: false }
    }

    /// Notes a request that goes to the broker.
    pub(super) fn heard(&mut self, api_key: i16) {
        let before = [ApiKey::ApiVersions, ApiKey::SaslHandshake, ApiKey::SaslAuthenticate];
        self.used = self.used || !before.iter().any(|key| *key as i16 == api_key);
    }

    /// The next frame, if it begins in time.
    pub(super) async fn next(
        &self,
        client: &mut FrameReader,
        expect: &Queue,
    ) -> Result<Option<Frame>, Close> {
        let Timeouts { authentication, idle } = self.timeouts;
        // Nor may what the proxy answers by itself keep it open.
        if !self.used && self.opened.elapsed() >= authentication {
            return Err(Close::Unauthenticated(authentication));
        }
        let mut until = if self.used { Instant::now() + idle } else { self.opened + authentication };
        let mut frame = pin!(client.next());
        loop {
            tokio::select! {
                biased;
                frame = &mut frame => return frame.map_err(Close::ClientFrame),
                () = sleep_until(until) => {}
            }
            if !self.used {
                return Err(Close::Unauthenticated(authentication));
            }
            // Who waits for an answer is not idle: that to JoinGroup comes when all others of the group have joined.
            if !expect.is_awaited() {
                return Err(Close::Idle(idle));
            }
            until = Instant::now() + idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::connection::expected::{Answer, Expected, queue};
    use crate::io::split_plain;
    use tokio::net::{TcpListener, TcpStream};

    const TIMEOUTS: Timeouts =
        Timeouts { authentication: Duration::from_mins(1), idle: Duration::from_mins(15) };

    /// A client that says nothing, and what the proxy reads of it.
    async fn silent() -> (TcpStream, FrameReader) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (reader, _) = split_plain(listener.accept().await.unwrap().0);
        (client, FrameReader::new(reader, 1024, Budget::new(1024)))
    }

    async fn ends_after(silence: &Silence, queue: &Queue) -> (Close, Duration) {
        let (_client, mut reader) = silent().await;
        tokio::time::pause();
        let start = Instant::now();
        let Err(close) = silence.next(&mut reader, queue).await else { panic!("the client said something") };
        (close, start.elapsed())
    }

    #[tokio::test]
    async fn a_client_that_does_no_more_than_authenticate_has_little_time() {
        let mut silence = Silence::new(TIMEOUTS);
        for key in [ApiKey::ApiVersions, ApiKey::SaslHandshake, ApiKey::SaslAuthenticate] {
            silence.heard(key as i16);
        }
        let (close, after) = ends_after(&silence, &queue().0).await;
        assert!(matches!(close, Close::Unauthenticated(_)), "{close}");
        assert!(after <= TIMEOUTS.authentication + Duration::from_secs(1), "{after:?}");
    }

    #[tokio::test]
    async fn a_client_that_has_its_answers_may_be_silent_for_the_idle_time() {
        let mut silence = Silence::new(TIMEOUTS);
        silence.heard(ApiKey::Metadata as i16);
        let (close, after) = ends_after(&silence, &queue().0).await;
        assert!(matches!(close, Close::Idle(_)), "{close}");
        assert!(after >= TIMEOUTS.idle, "{after:?}");
    }

    #[tokio::test]
    async fn who_waits_for_an_answer_is_not_idle() {
        let mut silence = Silence::new(TIMEOUTS);
        silence.heard(ApiKey::JoinGroup as i16);
        let (queue, mut due) = queue();
        let expected = Expected::Broker { correlation_id: 1, answer: Answer::Relay };
        assert!(queue.put(expected).await.is_ok());
        let (_client, mut reader) = silent().await;
        tokio::time::pause();
        let hour = Duration::from_hours(1);
        let mut next = pin!(silence.next(&mut reader, &queue));
        assert!(tokio::time::timeout(hour, &mut next).await.is_err());
        due.next().await.unwrap();
        due.mark_answered();
        let Err(close) = next.await else { panic!("the client said something") };
        assert!(matches!(close, Close::Idle(_)), "{close}");
    }
}
