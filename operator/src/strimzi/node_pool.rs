//! `KafkaNodePool`s, and the brokers in them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use kube::core::DynamicObject;
use proxy_config::BrokerId;

use super::field::{Field, ParseError};
use super::kafka::Kafka;
use super::object::Object;

/// What we read of a `KafkaNodePool`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePool {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The Kafka cluster that it says it belongs to.
    pub cluster: Option<String>,
    /// The roles in its spec.
    pub roles: Vec<Role>,
    /// The roles in its status, which are those that the node ids there have.
    pub current_roles: Vec<Role>,
    /// The ids of its nodes.
    pub node_ids: Vec<BrokerId>,
    /// The id of the cluster.
    pub cluster_id: Option<String>,
}

/// What the nodes of a pool do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// They serve clients.
    Broker,
    /// They keep the metadata.
    Controller,
    /// Something that we do not know.
    Other(String),
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// The pool that it is in.
    pub pool: String,
    /// The name of its pod.
    pub pod: String,
}

/// Why the brokers of a cluster cannot be told. What was known before stays the best knowledge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolProblem {
    /// The pool was part of another cluster of that name, perhaps one that was deleted.
    #[error(
        "KafkaNodePool {pool} has cluster id {found}, but Kafka {kafka} has {expected}; \
         delete the pool, or label it with the cluster that it belongs to"
    )]
    ClusterId {
        /// The pool.
        pool: String,
        /// The id in the pool's status.
        found: String,
        /// The Kafka cluster.
        kafka: String,
        /// The id in its status.
        expected: String,
    },
    /// Two pools claim the same node.
    #[error("KafkaNodePools {first} and {second} both have node {id}; wait for Strimzi to finish moving it")]
    Duplicate {
        /// The node.
        id: BrokerId,
        /// The one pool.
        first: String,
        /// The other pool.
        second: String,
    },
}

/// The brokers of a Kafka cluster: the nodes of those of the pools that are its own and have the role `broker`.
/// Gaps between ids are normal. A cluster without a known id, or a pool without one, is new and no problem.
pub fn brokers(kafka: &Kafka, pools: &[NodePool]) -> Result<BTreeMap<BrokerId, Broker>, PoolProblem> {
    let mut own: Vec<_> = pools.iter().filter(|pool| pool.belongs_to(kafka)).collect();
    own.sort_by_key(|pool| &pool.name);
    let mut brokers = BTreeMap::<_, Broker>::new();
    for pool in own {
        pool.check_cluster_id(kafka)?;
        if !pool.has_brokers() {
            continue;
        }
        for id in &pool.node_ids {
            let pod = format!("{}-{}-{id}", kafka.name, pool.name);
            match brokers.entry(*id) {
                Entry::Vacant(free) => {
                    free.insert(Broker { pool: pool.name.clone(), pod });
                }
                Entry::Occupied(taken) if taken.get().pool == pool.name => {}
                Entry::Occupied(taken) => {
                    let first = taken.get().pool.clone();
                    return Err(PoolProblem::Duplicate { id: *id, first, second: pool.name.clone() });
                }
            }
        }
    }
    Ok(brokers)
}

impl NodePool {
    fn belongs_to(&self, kafka: &Kafka) -> bool {
        self.namespace == kafka.namespace && self.cluster.as_deref() == Some(kafka.name.as_str())
    }

    fn has_brokers(&self) -> bool {
        let roles = if self.current_roles.is_empty() { &self.roles } else { &self.current_roles };
        roles.contains(&Role::Broker)
    }

    fn check_cluster_id(&self, kafka: &Kafka) -> Result<(), PoolProblem> {
        match (&self.cluster_id, &kafka.cluster_id) {
            (Some(found), Some(expected)) if found != expected => Err(PoolProblem::ClusterId {
                pool: self.name.clone(),
                found: found.clone(),
                kafka: kafka.name.clone(),
                expected: expected.clone(),
            }),
            _ => Ok(()),
        }
    }
}

impl TryFrom<&DynamicObject> for NodePool {
    type Error = ParseError;

    fn try_from(object: &DynamicObject) -> Result<Self, ParseError> {
        let object = Object::from(object);
        Ok(Self {
            name: object.name()?,
            namespace: object.namespace()?,
            cluster: object.cluster(),
            roles: parse_roles(&object.spec)?,
            current_roles: parse_roles(&object.status)?,
            node_ids: object
                .status
                .get("nodeIds")?
                .items()?
                .iter()
                .map(parse_id)
                .collect::<Result<_, _>>()?,
            cluster_id: object.status.get("clusterId")?.owned()?,
        })
    }
}

pub(super) fn parse_id(id: &Field<'_>) -> Result<BrokerId, ParseError> {
    let number = id.require(id.integer()?)?;
    i32::try_from(number).ok().and_then(BrokerId::new).ok_or_else(|| id.wrong("must be the id of a node"))
}

fn parse_roles(parent: &Field<'_>) -> Result<Vec<Role>, ParseError> {
    let roles = parent.get("roles")?.texts()?.into_iter().map(|role| match role.as_str() {
        "broker" => Role::Broker,
        "controller" => Role::Controller,
        _ => Role::Other(role),
    });
    Ok(roles.collect())
}

#[cfg(test)]
mod tests;
