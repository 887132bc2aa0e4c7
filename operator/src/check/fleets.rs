//! Whether there can be a fleet, as the operator judges it: by the same function, of manifests in place of a cluster.
//!
//! What only a running cluster tells (addresses, ids of brokers, credentials of users) is filled in as Strimzi would, so that
//! whatever is still in the way stands in the manifests. What is not among the files at all counts as suitable.

mod stand_ins;

use kube::core::DynamicObject;
use operator_api::EncryptionProxy;
use serde_json::Value;

use super::finding::{Code, Findings, Severity};
use super::objects::{KafkaName, Object, Objects, Place};
use crate::cluster::KafkaKey;
use crate::controller::{Observed, Obstacle, Strimzi, validate};
use crate::names::Names;
use crate::settings::Settings;
use crate::strimzi::ListenerProblem;

/// A name that is short enough, for looking further once another is known to be too long.
const SHORT: &str = "k";

/// What there is of a Kafka cluster.
struct Fleet<'a> {
    kafka: &'a KafkaName,
    /// Where its name stands first.
    named: &'a Place,
    proxy: Option<&'a Object<EncryptionProxy>>,
    manifest: Option<&'a Object<Value>>,
    pools: Vec<&'a Object<Value>>,
    /// The user that the `EncryptionProxy` names.
    user: Option<&'a Object<Value>>,
    has_user: bool,
}

/// Says what stands in the way of a fleet; `named` is the first object that names the Kafka cluster.
pub(super) fn check(
    kafka: &KafkaName,
    named: &Place,
    proxy: Option<&Object<EncryptionProxy>>,
    objects: &Objects,
    findings: &mut Findings,
) {
    let authentication = proxy.and_then(|proxy| proxy.content.spec.authentication.as_ref());
    let user_name = authentication.map(|authentication| authentication.kafka_user_ref.name.as_str());
    let is_user =
        |user: &&Object<Value>| user.namespace() == kafka.namespace && Some(user.name()) == user_name;
    let mut fleet = Fleet {
        kafka,
        named,
        proxy,
        // One without listeners is a fragment, such as a patch.
        manifest: objects
            .kafka(kafka)
            .filter(|object| object.content.pointer("/spec/kafka/listeners").is_some()),
        pools: objects.pools_of(kafka),
        user: objects.users.iter().find(is_user),
        has_user: user_name.is_some(),
    };
    if let Err(error) = Names::new(&fleet.key()) {
        fleet.add(&Obstacle::Name(error), findings);
    }
    // Each time without what was in the way, since people want to know everything at once.
    while let Some(obstacle) = fleet.obstacle() {
        fleet.add(&obstacle, findings);
        if !fleet.leave_out(&obstacle) {
            break;
        }
    }
}

impl Fleet<'_> {
    fn key(&self) -> KafkaKey {
        KafkaKey { namespace: self.kafka.namespace.clone(), name: self.kafka.name.clone() }
    }

    /// What the operator would say first, if anything.
    fn obstacle(&self) -> Option<Obstacle> {
        let settings = Settings::defaults();
        let mut key = self.key();
        if Names::new(&key).is_err() {
            SHORT.clone_into(&mut key.name);
        }
        let mut first = None;
        for user_type in stand_ins::user_types(self.user.map(|user| &user.content)) {
            let judgement = validate(&key, &self.observed(&key, user_type), &settings);
            match judgement.fleet {
                Ok(fleet) => return Obstacle::crowded(&fleet),
                Err(obstacle) if obstacle.passes() => return None,
                Err(obstacle) => first = first.or(Some(obstacle)),
            }
        }
        first
    }

    /// The cluster as Strimzi would have it, with a user of this type where it is not among the files.
    fn observed(&self, key: &KafkaKey, user_type: &str) -> Observed {
        let user_type = if self.has_user { user_type } else { "" };
        let listener = self.proxy.and_then(|proxy| proxy.content.spec.listener_name.as_deref());
        let kafka = match self.manifest {
            Some(manifest) => stand_ins::kafka(&manifest.content, key),
            None => stand_ins::unknown_kafka(key, listener, user_type),
        };
        let pools: Vec<_> = self.pools.iter().map(|pool| &pool.content).collect();
        let name = self.proxy.and_then(|proxy| proxy.content.spec.authentication.as_ref());
        let name = name.map(|authentication| authentication.kafka_user_ref.name.as_str());
        let user = name.filter(|_| self.has_user).map(|name| match self.user {
            Some(user) => stand_ins::user(&user.content, self.kafka, key),
            None => stand_ins::unknown_user(name, key, user_type),
        });
        let mut proxies: Vec<_> = self.proxy.map(|proxy| proxy.content.clone()).into_iter().collect();
        for proxy in &mut proxies {
            proxy.metadata.namespace = Some(key.namespace.clone());
            if !self.has_user {
                proxy.spec.authentication = None;
            }
        }
        let objects = |values: Vec<Value>| values.into_iter().filter_map(object).collect();
        // One whose metadata cannot be read is as good as not there.
        let kafka = object(kafka).or_else(|| object(stand_ins::unknown_kafka(key, listener, user_type)));
        let strimzi = Strimzi {
            kafka,
            pools: objects(stand_ins::pools(&pools, key)),
            topics: Vec::new(),
            users: objects(user.into_iter().collect()),
        };
        Observed { proxies, strimzi: Some(strimzi), ..Observed::default() }
    }

    /// Takes what is in the way out of what there is; false if nothing is left to look at.
    fn leave_out(&mut self, obstacle: &Obstacle) -> bool {
        match obstacle {
            Obstacle::User(_) | Obstacle::MalformedUser { .. } | Obstacle::NoUser(_) => {
                std::mem::take(&mut self.has_user)
            }
            Obstacle::Pools(_) | Obstacle::MalformedPool(_) if !self.pools.is_empty() => {
                self.pools.clear();
                true
            }
            Obstacle::Listener(_) | Obstacle::MalformedKafka(_) | Obstacle::Address(_) => {
                self.manifest.take().is_some()
            }
            _ => false,
        }
    }

    fn add(&self, obstacle: &Obstacle, findings: &mut Findings) {
        let proxy = self.proxy.map(Object::place);
        let kafka = self.manifest.map(Object::place);
        let names_listener = self.proxy.is_some_and(|proxy| proxy.content.spec.listener_name.is_some());
        let (code, place, field) = match obstacle {
            Obstacle::Name(_) => (Code::NameTooLong, Some(self.named), "spec.kafkaRef.name"),
            Obstacle::MalformedKafka(_) => (Code::KafkaMalformed, kafka, ""),
            Obstacle::Listener(problem) => {
                let code = match problem {
                    ListenerProblem::NotInSpec { .. } => Code::ListenerNotFound,
                    ListenerProblem::NoneInternal { .. } => Code::NoInternalListener,
                    ListenerProblem::UnsupportedType { .. } => Code::ListenerTypeUnsupported,
                    // One that is only not reported yet is filled in before.
                    ListenerProblem::NotInStatus { .. }
                    | ListenerProblem::Authentication { .. }
                    | ListenerProblem::NoneFits { .. } => Code::ListenerAuthentication,
                };
                match proxy.filter(|_| names_listener) {
                    Some(proxy) => (code, Some(proxy), "spec.listenerName"),
                    None => (code, kafka, "spec.kafka.listeners"),
                }
            }
            Obstacle::Pools(_) | Obstacle::MalformedPool(_) => {
                (Code::KafkaNodePoolInvalid, self.pools.first().map(|pool| pool.place()), "")
            }
            Obstacle::User(_) | Obstacle::MalformedUser { .. } | Obstacle::NoUser(_) => {
                (Code::KafkaUserUnusable, proxy, "spec.authentication.kafkaUserRef")
            }
            Obstacle::Address(_) => (Code::BrokersUnknown, kafka, ""),
            Obstacle::Crowded(_) => (Code::ListenersTooClose, proxy, "spec.listeners"),
            _ => (Code::InvalidSettings, proxy, "spec"),
        };
        let place = place.unwrap_or(self.named);
        findings.add(place.finding(Severity::Error, code, field, obstacle.to_string()));
    }
}

fn object(value: Value) -> Option<DynamicObject> {
    serde_json::from_value(value).ok()
}
