//! What is changed in messages, and why others do not go through: for the log, and for the page made of the table.

pub(super) const PRODUCE: &str = "batches for encrypted topics are sealed, and from version 10 on brokers have the proxy's addresses. \
    Before version 3 batches have no place for an envelope: on encrypted topics `UNSUPPORTED_VERSION`";
pub(super) const FETCH: &str = "batches are opened, no more is asked for than `limits.fetchMaxBytes`, and from version 16 on brokers have \
    the proxy's addresses. Before version 4 no batch that may be sealed is handed out: `UNSUPPORTED_VERSION`";
pub(super) const METADATA: &str =
    "brokers have the proxy's addresses; those without a port of the proxy are left out";
pub(super) const FIND_COORDINATOR: &str = "coordinators have the proxy's addresses; those without a port of the proxy are \
    `COORDINATOR_NOT_AVAILABLE`";
pub(super) const SASL_HANDSHAKE: &str = "after version 0 the mechanism's tokens come in bare frames: they are counted, to know where they \
    end. A mechanism of which that is not known is answered with `UNSUPPORTED_SASL_MECHANISM` there";
pub(super) const API_VERSIONS: &str = "no more is offered than is in this table";
pub(super) const DESCRIBE_CLUSTER: &str =
    "brokers have the proxy's addresses; those without a port of the proxy, and controllers, are left out";
pub(super) const SHARE_FETCH: &str =
    "batches are opened, it waits while keys are out of reach, and brokers have the proxy's addresses";
pub(super) const SHARE_ACKNOWLEDGE: &str = "brokers have the proxy's addresses";

pub(super) const ZOOKEEPER: &str = "from controllers to brokers, in the time of ZooKeeper";
pub(super) const TRANSACTIONS: &str = "among brokers: it ends transactions, whoever began them";
pub(super) const SHARE_GROUPS: &str =
    "among brokers: what a share group has been given, behind the group's back";
pub(super) const TO_CONTROLLERS: &str = "from brokers to controllers";
pub(super) const AMONG_CONTROLLERS: &str = "among controllers";
pub(super) const CONTROLLERS: &str = "it changes which controllers there are, and these are not behind the \
    proxy: administrators ask brokers or controllers themselves";

pub(super) const NODES: &str = "version 5 names the node that the client means, which is not the proxy; clients try again with version 4";
pub(super) const QUORUM: &str = "version 2 has the addresses of controllers, which are not behind the proxy";

pub(super) const SASL: &str =
    "`ILLEGAL_SASL_STATE`, as by a listener without SASL: the client's identity ends at the proxy";
pub(super) const TOKENS: &str =
    "the token would be one of the proxy's own identity, with which a client could go round the proxy";
