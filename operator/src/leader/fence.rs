//! Lets nothing out to the API server from a process that may no longer lead.
//!
//! One that was frozen finds its work where it left it: when it wakes, another leads, and what was about to be sent would undo
//! what that one did. So every request asks the clock, not only whoever waits for the end of the Lease.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::http;
use kube::client::Body;
use tokio::time::Instant;
use tower::BoxError;
use tower::filter::FilterLayer;

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
#[error("the Lease may be another's by now, so nothing is sent")]
pub struct MayNotLead;

/// Open until the Lease ends; always, before there is one.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<Mutex<Option<Deadline>>>);

/// By two clocks, since one stands still while the machine sleeps, and the other can be set.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    instant: Instant,
    time: SystemTime,
}

type Request = http::Request<Body>;

impl Fence {
    /// What asks it of every request of a client.
    pub fn layer(
        &self,
    ) -> FilterLayer<impl FnMut(Request) -> Result<Request, BoxError> + Clone + Send + use<>> {
        let fence = self.clone();
        FilterLayer::new(move |request| if fence.is_open() { Ok(request) } else { Err(MayNotLead.into()) })
    }

    /// The Lease is good for so long from now.
    pub(super) fn open_for(&self, left: Duration) {
        let deadline = Deadline { instant: Instant::now() + left, time: SystemTime::now() + left };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
    }

    fn is_open(&self) -> bool {
        let deadline = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        deadline.is_none_or(|end| Instant::now() < end.instant && SystemTime::now() < end.time)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Api;
    use tower::Layer;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_pass_until_the_lease_ends_and_none_after() {
        let answer = async |_: Request| Ok::<_, BoxError>(http::Response::new(Body::from(b"{}".to_vec())));
        let fence = Fence::default();
        let client = kube::Client::new(fence.layer().layer(tower::service_fn(answer)), "default");
        let maps = Api::<ConfigMap>::default_namespaced(client);
        maps.get("before-there-is-a-lease").await.unwrap();
        fence.open_for(Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(9)).await;
        maps.get("in-time").await.unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
        let error = maps.get("too-late").await.unwrap_err();
        assert!(crate::telemetry::chain(&error).contains("the Lease may be another's"), "{error:?}");
        fence.open_for(Duration::from_secs(10));
        maps.get("renewed").await.unwrap();
    }

    #[test]
    fn a_clock_that_stood_still_does_not_keep_it_open() {
        let late =
            Deadline { instant: Instant::now() + Duration::from_secs(10), time: SystemTime::UNIX_EPOCH };
        assert!(!Fence(Arc::new(Mutex::new(Some(late)))).is_open());
    }
}
