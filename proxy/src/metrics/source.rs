//! A gauge whose value is asked for when it is scraped.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::sync::{Arc, OnceLock};

type Read = Box<dyn Fn() -> i64 + Send + Sync>;

/// Zero until its owner says where to read from. Costs nothing between scrapes.
#[derive(Clone, Default)]
pub struct GaugeSource(Arc<OnceLock<Read>>);

impl GaugeSource {
    /// Sets where the value comes from. The first call wins.
    pub fn read_from(&self, read: impl Fn() -> i64 + Send + Sync + 'static) {
        let _first_wins = self.0.set(Box::new(read));
    }

    /// The value now.
    pub fn value(&self) -> i64 {
        self.0.get().map_or(0, |read| read())
    }
}

impl std::fmt::Debug for GaugeSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GaugeSource")
    }
}

impl TypedMetric for GaugeSource {
    const TYPE: MetricType = MetricType::Gauge;
}

impl EncodeMetric for GaugeSource {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        encoder.encode_gauge(&self.value())
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
