//! At which addresses the proxies reach brokers.

use std::collections::BTreeMap;

use proxy_config::{AddressError, BrokerId, HostPort};

use super::choice::{Listener, Reach};
use super::kafka::Kafka;
use super::node_pool::Broker;

/// Why an address could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// The names in it do not make one, mostly because they are too long together.
    #[error("failed to make an address of {text}: it {source}")]
    NotAnAddress {
        /// What was tried.
        text: String,
        /// What is wrong with it.
        source: AddressError,
    },
}

/// Where the proxies begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    /// At least one.
    pub addresses: Vec<HostPort>,
    /// How we know.
    pub source: AddressSource,
}

/// How an address is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressSource {
    /// Strimzi reports it.
    Status,
    /// Strimzi reported it before.
    LastGood,
    /// By the names that Strimzi gives to its Services.
    Derived,
}

/// The bootstrap addresses of a listener. Those in status are the best. It is empty while the cluster is paused
/// or failing, when brokers mostly still run: then what was known last holds, and after that Strimzi's rule.
pub fn bootstrap(
    kafka: &Kafka,
    listener: &Listener,
    last_good: Option<&[HostPort]>,
) -> Result<Bootstrap, AddressProblem> {
    let reported = kafka.listener_status.get(&listener.name).map(|status| status.bootstrap.as_slice());
    let known = [(reported, AddressSource::Status), (last_good, AddressSource::LastGood)];
    for (addresses, source) in known {
        if let Some(addresses) = addresses.filter(|addresses| !addresses.is_empty()) {
            return Ok(Bootstrap { addresses: addresses.to_vec(), source });
        }
    }
    let service = match listener.reach {
        Reach::Pods => format!("{}-kafka-bootstrap", kafka.name),
        Reach::Services => format!("{}-kafka-{}-bootstrap", kafka.name, listener.name),
    };
    let address = address(&format!("{service}.{}.svc:{}", kafka.namespace, listener.port))?;
    Ok(Bootstrap { addresses: vec![address], source: AddressSource::Derived })
}

/// The address of each broker, by names that its certificate has, whatever it advertises: where brokers advertise
/// the proxies, following that would lead round in a circle.
pub fn broker_addresses(
    kafka: &Kafka,
    listener: &Listener,
    brokers: &BTreeMap<BrokerId, Broker>,
    cluster_domain: &str,
) -> Result<BTreeMap<BrokerId, HostPort>, AddressProblem> {
    let domain = if listener.service_dns_domain { format!(".{cluster_domain}") } else { String::new() };
    let addresses = brokers.iter().map(|(id, broker)| {
        let name = broker_name(kafka, listener, *id, broker);
        let address = address(&format!("{name}.{}.svc{domain}:{}", kafka.namespace, listener.port))?;
        Ok((*id, address))
    });
    addresses.collect()
}

fn broker_name(kafka: &Kafka, listener: &Listener, id: BrokerId, broker: &Broker) -> String {
    match listener.reach {
        Reach::Pods => format!("{}.{}-kafka-brokers", broker.pod, kafka.name),
        // Strimzi keeps the names of its first versions for this listener.
        Reach::Services if listener.name == "external" && listener.port == 9094 => broker.pod.clone(),
        Reach::Services => format!("{}-{}-{}-{id}", kafka.name, broker.pool, listener.name),
    }
}

fn address(text: &str) -> Result<HostPort, AddressProblem> {
    text.parse().map_err(|source| AddressProblem::NotAnAddress { text: text.to_owned(), source })
}

#[cfg(test)]
mod tests;
