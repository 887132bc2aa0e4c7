//! What a tool reads: files, or topics.

use crate::client::{Cluster, Place};
use crate::tools::segments::Segments;
use anyhow::Context as _;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Files or topics.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Log segment files (*.log), folders of partitions, or data folders of brokers.
    #[arg(value_name = "PATH", required_unless_present = "topic")]
    paths: Vec<PathBuf>,
    /// Read this topic from brokers; may be repeated. With paths: the topic that the files are of.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// Only this partition; may be repeated. With paths: the partition that the files are of.
    #[arg(long, value_name = "PARTITION")]
    partition: Vec<i32>,
}

impl SourceArgs {
    /// The files, unless topics are to be read.
    pub(super) fn segments(&self) -> anyhow::Result<Option<Segments>> {
        if self.paths.is_empty() {
            return Ok(None);
        }
        let place = match (self.topic.as_slice(), self.partition.as_slice()) {
            ([], []) => None,
            ([topic], [partition]) => Some(Place { topic: topic.as_str().into(), partition: *partition }),
            _ => anyhow::bail!("with paths, give both --topic and --partition once, or neither"),
        };
        Segments::find(&self.paths, place.as_ref()).map(Some).context("failed to find segment files")
    }

    /// The partitions to read.
    pub(super) async fn places(&self, cluster: &mut Cluster) -> anyhow::Result<Vec<Arc<Place>>> {
        let mut places = Vec::new();
        for topic in cluster.topics(Some(&self.topic)).await.context("failed to find the topics")? {
            for partition in topic.partitions {
                if self.partition.is_empty() || self.partition.contains(&partition) {
                    places.push(Arc::new(Place { topic: Arc::clone(&topic.name), partition }));
                }
            }
        }
        anyhow::ensure!(!places.is_empty(), "the topics have none of these partitions");
        Ok(places)
    }
}
