use std::sync::atomic::AtomicBool;

use proxy_crypto::testing::Heard;

use super::*;
use crate::question::testing::context;

const LIFE: Duration = Duration::from_mins(30);

/// Logs in while it answers.
#[derive(Default)]
struct Server {
    silent: AtomicBool,
    logins: AtomicU64,
}

#[async_trait]
impl Login for Server {
    async fn log_in(&self, _: &KmsContext) -> Result<(Zeroizing<String>, Option<Duration>), ProviderError> {
        if self.silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let count = self.logins.fetch_add(1, Ordering::Relaxed);
        Ok((Zeroizing::new(count.to_string()), Some(LIFE)))
    }
}

/// A call that is always answered so.
async fn call(
    session: &Session,
    server: &Server,
    denied: StatusCode,
    answer: StatusCode,
) -> Result<StatusCode, ProviderError> {
    let send = |_| async move { Ok((answer, Zeroizing::default())) };
    session.call(server, Question::of(&context()), denied, send).await.map(|(status, _)| status)
}

#[tokio::test(start_paused = true)]
async fn a_login_without_an_answer_does_not_hold_up_calls_while_a_token_lives() {
    let (session, server) = (Session::default(), Server::default());
    let ask = async || call(&session, &server, StatusCode::UNAUTHORIZED, StatusCode::OK).await;
    assert_eq!(ask().await, Ok(StatusCode::OK));
    server.silent.store(true, Ordering::Relaxed);
    tokio::time::advance(LIFE * 3 / 4).await;
    let start = Instant::now();
    assert_eq!(ask().await, Ok(StatusCode::OK));
    assert!(start.elapsed() <= PATIENCE * 2, "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(ask().await, Ok(StatusCode::OK));
    assert_eq!(start.elapsed(), Duration::ZERO, "the next attempt is later");
    server.silent.store(false, Ordering::Relaxed);
    tokio::time::advance(RETRY).await;
    assert_eq!(ask().await, Ok(StatusCode::OK));
    assert_eq!(server.logins.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_second_denial_in_short_is_a_no_only_where_it_is_about_the_key() {
    for (denied, is_no) in [(StatusCode::FORBIDDEN, true), (StatusCode::UNAUTHORIZED, false)] {
        let (session, server) = (Session::default(), Server::default());
        call(&session, &server, denied, StatusCode::OK).await.unwrap();
        tokio::time::advance(FRESH).await;
        assert_eq!(call(&session, &server, denied, denied).await, Ok(denied), "said to a fresh token too");
        tokio::time::advance(FRESH).await;
        let second = call(&session, &server, denied, denied).await;
        assert_eq!(second == Ok(denied), is_no);
        assert_eq!(matches!(second, Err(ProviderError::Unavailable { .. })), !is_no);
        assert_eq!(server.logins.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_audit_log_tells_of_the_request_that_was_denied_and_is_made_again() {
    let heard = Heard::on_this_thread();
    let (session, server) = (Session::default(), Server::default());
    call(&session, &server, StatusCode::FORBIDDEN, StatusCode::OK).await.unwrap();
    tokio::time::advance(FRESH).await;
    for _ in 0..3 {
        call(&session, &server, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN).await.unwrap();
        tokio::time::advance(FRESH).await;
    }
    let told = heard.of("keyProviderRequest");
    assert_eq!(told.len(), 1, "the answer to the others is that of the call: {told:?}");
    assert_eq!((&*told[0]["operation"], &*told[0]["outcome"]), ("retried", "refused"));
    assert_eq!(told[0]["cause"], "its answer is 403");
}
