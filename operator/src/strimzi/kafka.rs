//! The `Kafka` resource.

use std::collections::BTreeMap;

use kube::core::DynamicObject;
use proxy_config::HostPort;
use serde_json::Value;

use super::field::{Field, ParseError};
use super::listener::ListenerSpec;
use super::object::Object;
use super::state::KafkaState;
use super::topic::parse_size;

/// What we read of a `Kafka`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kafka {
    /// Its name, which is that of the cluster.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid, for owner references; objects from files have none.
    pub uid: Option<String>,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// The generation that its status is about; stays at an old one while paused.
    pub observed_generation: Option<i64>,
    /// Whether somebody asked Strimzi to leave it alone, which `state` says when Strimzi does.
    pub pause_requested: bool,
    /// The listeners of its spec.
    pub listeners: Vec<ListenerSpec>,
    /// Who may do what, if brokers ask that.
    pub authorization: Option<Authorization>,
    /// `message.max.bytes` of brokers, which counts for topics that do not say `max.message.bytes`.
    pub max_message_bytes: Option<u64>,
    /// How it is.
    pub state: KafkaState,
    /// The listeners that brokers have, by name. **None** while paused and after many failures.
    pub listener_status: BTreeMap<String, ListenerStatus>,
    /// The id of the cluster; stays through failures and pauses.
    pub cluster_id: Option<String>,
    /// The version of Kafka that brokers run; none while paused.
    pub kafka_version: Option<String>,
    /// Whether brokers let each other in without authentication, now or as soon as Strimzi does what it is told.
    pub open_inside: bool,
}

/// `spec.kafka.authorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// `simple`, or one of the others.
    pub kind: String,
    /// Users who may do everything.
    pub super_users: Vec<String>,
}

/// One of `status.listeners`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListenerStatus {
    /// Where clients begin. An entry that is no address is left out: it must not hide the other listeners.
    pub bootstrap: Vec<HostPort>,
    /// What clients must trust, in PEM.
    pub certificates: Vec<String>,
}

impl Kafka {
    /// The listener of that name in the spec.
    pub fn listener(&self, name: &str) -> Option<&ListenerSpec> {
        self.listeners.iter().find(|listener| listener.name == name)
    }
}

impl TryFrom<&DynamicObject> for Kafka {
    type Error = ParseError;

    fn try_from(object: &DynamicObject) -> Result<Self, ParseError> {
        let object = Object::from(object);
        let (kafka, status) = (object.spec.get("kafka")?, &object.status);
        Ok(Self {
            name: object.name()?,
            namespace: object.namespace()?,
            uid: object.metadata.uid.clone(),
            generation: object.metadata.generation,
            observed_generation: status.get("observedGeneration")?.integer()?,
            pause_requested: object.pause_requested(),
            listeners: kafka
                .get("listeners")?
                .items()?
                .iter()
                .map(ListenerSpec::parse)
                .collect::<Result<_, _>>()?,
            authorization: Authorization::parse(&kafka.get("authorization")?)?,
            // No reason not to know the cluster.
            max_message_bytes: kafka
                .get("config")
                .and_then(|config| parse_size(&config.get("message.max.bytes")?))
                .unwrap_or_default(),
            state: KafkaState::parse(status)?,
            listener_status: ListenerStatus::parse_all(&status.get("listeners")?)?,
            cluster_id: status.get("clusterId")?.owned()?,
            kafka_version: status.get("kafkaVersion")?.owned()?,
            open_inside: wants_open(&object) || is_open(&status.get("clusterSecurity")?)?,
        })
    }
}

impl Authorization {
    fn parse(authorization: &Field<'_>) -> Result<Option<Self>, ParseError> {
        if !authorization.is_present() {
            return Ok(None);
        }
        let kind = authorization.get("type")?;
        let super_users = authorization.get("superUsers")?.texts()?;
        Ok(Some(Self { kind: kind.require(kind.owned()?)?, super_users }))
    }
}

impl ListenerStatus {
    fn parse_all(listeners: &Field<'_>) -> Result<BTreeMap<String, Self>, ParseError> {
        let mut all = BTreeMap::new();
        for listener in listeners.items()? {
            let name = listener.get("name")?;
            // Old versions had the name under `type`, some of them only there.
            let name = name.require(name.owned()?.or(listener.get("type")?.owned()?))?;
            let servers = listener.get("bootstrapServers")?.text()?.unwrap_or_default();
            let bootstrap = servers.split(',').filter_map(|server| server.trim().parse().ok()).collect();
            all.insert(name, Self { bootstrap, certificates: listener.get("certificates")?.texts()? });
        }
        Ok(all)
    }
}

/// What the annotation asks for. Strimzi refuses one that it cannot read, so nothing becomes open by it.
fn wants_open(object: &Object<'_>) -> bool {
    let annotation = object.annotation("strimzi.io/internal-cluster-security").unwrap_or_default();
    let wanted: Value = serde_json::from_str(annotation).unwrap_or_default();
    is_open(&Field::document("annotation", &wanted)).unwrap_or_default()
}

fn is_open(security: &Field<'_>) -> Result<bool, ParseError> {
    // The status is opaque by Strimzi's word: of another shape, it says nothing to us.
    if !security.raw().is_some_and(Value::is_object) {
        return Ok(false);
    }
    let authentication = security.get("authentication")?;
    if !authentication.raw().is_some_and(Value::is_object) {
        return Ok(false);
    }
    Ok(authentication.get("type")?.raw().is_some_and(|kind| kind == "none"))
}

#[cfg(test)]
mod tests;
