//! How clients of one listener reach brokers.

use crate::upstream::Target;
use kafka_protocol::protocol::StrBytes;
use proxy_config::{BrokerAddresses, BrokerId, BrokerPorts, NamePattern};

/// What clients are told of brokers, and which broker they mean.
#[derive(Debug)]
pub(crate) struct Advertised {
    /// Lower case where brokers have names.
    host: StrBytes,
    brokers: Brokers,
}

#[derive(Debug)]
enum Brokers {
    Ports(BrokerPorts),
    Names(NamePattern, u16),
}

/// Where clients reach a broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: StrBytes,
    pub(crate) port: i32,
}

impl Advertised {
    pub(crate) fn new(listener: &proxy_config::Listener) -> Self {
        let host = listener.advertised_host.as_str();
        match &listener.brokers {
            BrokerAddresses::BrokerPorts(ports) => {
                Self { host: StrBytes::from_string(host.to_owned()), brokers: Brokers::Ports(*ports) }
            }
            BrokerAddresses::BrokerNames(names) => {
                let port = names.advertised_port.unwrap_or_else(|| listener.bind.port());
                let host = StrBytes::from_string(host.to_ascii_lowercase());
                Self { host, brokers: Brokers::Names(names.pattern.clone(), port) }
            }
        }
    }

    /// Where a broker is, if clients of this listener can reach it.
    pub(crate) fn broker(&self, node_id: i32) -> Option<Place> {
        let broker = BrokerId::new(node_id)?;
        Some(match &self.brokers {
            Brokers::Ports(ports) => Place { host: self.host.clone(), port: ports.port(broker)?.into() },
            Brokers::Names(pattern, port) => {
                Place { host: StrBytes::from_string(pattern.name(broker)), port: i32::from(*port) }
            }
        })
    }

    /// The ports to open for brokers; none where they have names.
    pub(crate) fn ports(&self) -> Option<BrokerPorts> {
        match &self.brokers {
            Brokers::Ports(ports) => Some(*ports),
            Brokers::Names(..) => None,
        }
    }

    /// Whom a client means that asked for this name, in lower case, at the bootstrap port. Nobody, where brokers have names and
    /// this is none of them: a client that was told another name must not end at a broker by chance.
    pub(crate) fn target(&self, name: Option<&str>) -> Option<Target> {
        let Brokers::Names(pattern, _) = &self.brokers else { return Some(Target::Bootstrap) };
        let name = name?;
        if name == self.host.as_str() {
            return Some(Target::Bootstrap);
        }
        pattern.broker(name).map(|broker| Target::Broker(broker.value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_config::ProxyConfig;

    fn advertised(listener: &str) -> Advertised {
        let text = format!(
            "cluster: c\nupstream: {{bootstrapServers: ['k:9092']}}\nlisteners: [{listener}]\n\
             keyProviders: {{default: {{local: {{directory: keys}}}}}}\npolicy: {{file: policy.yaml}}\n"
        );
        let config = ProxyConfig::parse(&text, std::path::Path::new("/")).unwrap();
        Advertised::new(&config.listeners[0])
    }

    fn place(host: &str, port: i32) -> Place {
        Place { host: StrBytes::from_string(host.to_owned()), port }
    }

    #[test]
    fn brokers_have_ports_of_their_own() {
        let ports = advertised(
            "{name: a, bind: '0.0.0.0:9092', advertisedHost: Proxy, brokerPorts: {start: 9100, count: 2}}",
        );
        assert_eq!(ports.broker(1), Some(place("Proxy", 9101)));
        assert_eq!((ports.broker(2), ports.broker(-1)), (None, None));
        assert_eq!(ports.target(None), Some(Target::Bootstrap));
        assert_eq!(ports.target(Some("anything")), Some(Target::Bootstrap));
    }

    #[test]
    fn brokers_have_names_of_their_own() {
        let names = advertised(
            "{name: a, bind: '0.0.0.0:9092', advertisedHost: Kafka.example.com, tls: {certificateFile: c, keyFile: k}, \
             brokerNames: {pattern: 'b-{id}.example.com', advertisedPort: 443}}",
        );
        assert_eq!(names.broker(12), Some(place("b-12.example.com", 443)));
        assert_eq!(names.broker(-1), None);
        assert_eq!(names.target(Some("kafka.example.com")), Some(Target::Bootstrap));
        assert_eq!(names.target(Some("b-12.example.com")), Some(Target::Broker(12)));
        for nobody in [None, Some("b-x.example.com"), Some("example.com"), Some("b-012.example.com")] {
            assert_eq!(names.target(nobody), None, "{nobody:?}");
        }
    }
}
