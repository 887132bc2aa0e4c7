//! A few connections to one server, used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use proxy_crypto::ProviderError;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::ClientConfig;

use super::connection::{self, Connection, ConnectionError};
use super::message::{Answer, Request};
use super::settings::KmipSettings;
use crate::http::IDLE;
use crate::question::{Purpose, Question};

/// Calls at a time. Others wait their turn.
const MOST: usize = 8;

pub(super) struct Pool {
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Grows with each change of the files, and with each call that got no answer.
    round: u64,
    tls: Option<Arc<ClientConfig>>,
    idle: Vec<(Instant, Connection)>,
}

/// A call on its way. When nobody waits for its answer any more, the other connections are not trusted either: the server
/// or the way to it may be gone, and each would be found dead one after another.
struct OnItsWay<'a>(&'a Pool, bool);

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.forget_idle();
        }
    }
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { permits: Semaphore::new(MOST), state: Mutex::default() }
    }

    /// Reads the files anew at the next call.
    pub(super) fn forget(&self) {
        self.state().tls = None;
        self.forget_idle();
    }

    fn forget_idle(&self) {
        let mut state = self.state();
        state.round += 1;
        state.idle.clear();
    }

    pub(super) async fn call(
        &self,
        settings: &KmipSettings,
        question: Question<'_>,
        request: &Request<'_>,
    ) -> Result<Answer, ConnectionError> {
        // It is never closed.
        let _permit = self.permits.acquire().await.map_err(|_| ConnectionError::Slow)?;
        let bytes = request.write();
        let mut on_its_way = OnItsWay(self, false);
        if let Some((round, mut connection)) = self.take()
            && connection.is_quiet().await
        {
            let start = Instant::now();
            match ask(&mut connection, &bytes, request).await {
                Ok(answer) => {
                    on_its_way.1 = true;
                    self.give_back(round, connection);
                    return Ok(answer);
                }
                // Servers close what was idle for long. Nothing here does harm when it is done twice.
                Err(error) => {
                    let error = ProviderError::unavailable(question.context, error.to_string());
                    question.tell(Purpose::Retried, Some(&error), start.elapsed());
                }
            }
        }
        let (round, tls) = self.tls(settings)?;
        let mut connection = Connection::open(settings, tls).await?;
        let answer = ask(&mut connection, &bytes, request).await?;
        on_its_way.1 = true;
        self.give_back(round, connection);
        Ok(answer)
    }

    fn take(&self) -> Option<(u64, Connection)> {
        let mut state = self.state();
        state.idle.retain(|(since, _)| since.elapsed() < IDLE);
        let round = state.round;
        state.idle.pop().map(|(_, connection)| (round, connection))
    }

    fn give_back(&self, round: u64, connection: Connection) {
        let mut state = self.state();
        if state.round == round {
            state.idle.push((Instant::now(), connection));
        }
    }

    fn tls(&self, settings: &KmipSettings) -> Result<(u64, Arc<ClientConfig>), ConnectionError> {
        let (round, tls) = {
            let state = self.state();
            (state.round, state.tls.clone())
        };
        if let Some(tls) = tls {
            return Ok((round, tls));
        }
        let tls = connection::tls(settings)?;
        let mut state = self.state();
        if state.round == round {
            state.tls = Some(Arc::clone(&tls));
        }
        Ok((round, tls))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(
    connection: &mut Connection,
    bytes: &[u8],
    request: &Request<'_>,
) -> Result<Answer, ConnectionError> {
    let answer = connection.call(bytes).await?;
    answer.answers(request).map_err(|_| ConnectionError::Unasked)?;
    Ok(answer)
}
