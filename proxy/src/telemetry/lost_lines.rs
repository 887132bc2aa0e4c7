//! Lines of logs that nobody took, read from their writers when scraped.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

/// Each log's name and how many lines it lost.
pub(crate) fn register<F>(registry: &mut Registry, logs: [(&'static str, F); 2])
where
    F: Fn() -> usize + Send + Sync + 'static,
{
    registry.register_collector(Box::new(LostLines(logs)));
}

struct LostLines<F>([(&'static str, F); 2]);

impl<F> std::fmt::Debug for LostLines<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LostLines")
    }
}

impl<F: Fn() -> usize + Send + Sync + 'static> Collector for LostLines<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let help = "Lines of logs that were lost, because their reader did not keep up";
        let mut family = encoder.encode_descriptor("log_lines_lost", help, None, MetricType::Counter)?;
        for (log, lost) in &self.0 {
            let lost = ConstCounter::new(u64::try_from(lost()).unwrap_or(u64::MAX));
            lost.encode(family.encode_family(&[("log", *log)])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_has_its_count() {
        let mut registry = Registry::default();
        register(&mut registry, [("log", (|| 0) as fn() -> usize), ("audit", || 3)]);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("log_lines_lost_total{log=\"audit\"} 3\n"), "{text}");
    }
}
