//! Consumer groups as the cluster sees them.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{DescribeGroupsRequest, FindCoordinatorRequest, GroupId, OffsetFetchRequest};
use kafka_protocol::protocol::StrBytes;

use super::Cluster;
use crate::eventually::eventually_ok;
use crate::kafka_error::KafkaErrorName;

const PATIENCE: Duration = Duration::from_mins(1);

impl Cluster {
    /// Waits until a group's coordinator is at work. The first node coordinates it.
    pub async fn coordinates(&self, group: &str) {
        let name = StrBytes::try_from(Bytes::copy_from_slice(group.as_bytes())).expect("it was text before");
        let find = FindCoordinatorRequest::default().with_key(name.clone());
        let fetch = OffsetFetchRequest::default().with_group_id(GroupId(name)).with_topics(None);
        let works = async || {
            let mut admin = self.admin().await;
            let found = admin.call(&find, 3).await.map_err(|error| error.to_string())?;
            let fetched = admin.call(&fetch, 7).await.map_err(|error| error.to_string())?;
            let error =
                [found.error_code, fetched.error_code].into_iter().find_map(KafkaErrorName::from_code);
            error.map_or(Ok(()), |error| Err(error.to_string()))
        };
        eventually_ok(&format!("{group} has a coordinator"), PATIENCE, works).await;
    }

    /// Waits until a group has so many members, each with its part of the partitions. The first node coordinates it.
    pub async fn wait_for_members(&self, group: &str, members: usize) {
        let name = StrBytes::try_from(Bytes::copy_from_slice(group.as_bytes())).expect("it was text before");
        let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(name)]);
        let stable = async || {
            let answer = self.admin().await.call(&request, 5).await.map_err(|error| error.to_string())?;
            let group = answer.groups.first().ok_or("no group in the answer")?;
            let state = format!("{}, {} members", group.group_state.as_str(), group.members.len());
            if state == format!("Stable, {members} members") { Ok(()) } else { Err(state) }
        };
        eventually_ok(&format!("{group} has {members} members"), PATIENCE, stable).await;
    }
}
