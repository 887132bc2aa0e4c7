//! What key providers were asked, read from their own counts when scraped.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;
use proxy_crypto::KeyStats;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn register(registry: &mut Registry, stats: Arc<KeyStats>) {
    registry.register_collector(Box::new(Calls(stats)));
}

#[derive(Debug)]
struct Calls(Arc<KeyStats>);

impl Collector for Calls {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let stats = &self.0;
        let outcomes: [(&str, &AtomicU64); 9] = [
            ("generated", &stats.generated),
            ("unwrapped", &stats.unwrapped),
            ("cache_hit", &stats.cache_hits),
            ("repeated_failure", &stats.repeated_failures),
            ("unavailable", &stats.unavailable),
            ("timeout", &stats.timeouts),
            ("refused", &stats.refused),
            ("corrupt", &stats.corrupt),
            ("short_circuited", &stats.short_circuited),
        ];
        let help = "Questions for data keys, by outcome; a timeout counts as unavailable too";
        let mut family = encoder.encode_descriptor("key_calls", help, None, MetricType::Counter)?;
        for (outcome, count) in outcomes {
            let count = ConstCounter::new(count.load(Ordering::Relaxed));
            count.encode(family.encode_family(&[("outcome", outcome)])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_from_the_providers() {
        let mut registry = Registry::default();
        let stats = Arc::new(KeyStats::default());
        register(&mut registry, Arc::clone(&stats));
        stats.refused.fetch_add(2, Ordering::Relaxed);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("key_calls_total{outcome=\"refused\"} 2\n"), "{text}");
    }
}
