use std::sync::Arc; use std::time::Duration; use kube::runtime::controller::Action; use kube::Client;
use crate::cluster::*; use super::dereference::Reader; use kube::runtime::events::Recorder; use crate::settings::Settings; use crate::metrics::Metrics;
#[derive(Default)] pub(crate) struct Memory; impl Memory { pub fn failed(&self, _: &KafkaKey) -> Duration { Duration::from_secs(1) } }
pub(crate) struct Context { pub reader: Reader, pub recorder: Recorder, pub memory: Memory, pub client: Client, pub settings: Settings, pub metrics: Metrics }
#[derive(Debug, thiserror::Error)] pub(crate) enum Error { #[error("x")] X }
pub(crate) async fn reconcile(_c: Arc<Mentioned>, _x: Arc<Context>) -> Result<Action, Error> { Err(Error::X) }
