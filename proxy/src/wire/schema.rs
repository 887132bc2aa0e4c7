//! What the messages look like: which field exists at which version, in wire order. Facts are those of Kafka's public
//! message definitions (`clients/src/main/resources/common/message`); the tests compare them with the
//! `kafka-protocol` crate, version by version.

mod alterations;
mod cluster;
mod configs;
mod fetch;
mod handshake;
mod offsets;
mod produce;
mod share;

use super::{Direction, WireError};

/// Fields that views look for. A name means the same thing wherever it stands, so a view need not know the depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Of no interest.
    Other,
    Acks,
    AcquiredRecords,
    BatchSize,
    /// An array of broker addresses under whatever name.
    Brokers,
    ClusterId,
    ControllerId,
    /// Of a partition.
    ErrorCode,
    /// Of a partition.
    ErrorMessage,
    FetchOffset,
    HighWatermark,
    Host,
    LogStartOffset,
    BaseOffset,
    MaxBytes,
    IsRenewal,
    MaxRecords,
    MaxWaitMs,
    MinBytes,
    NodeId,
    PartitionIndex,
    PartitionMaxBytes,
    Partitions,
    Port,
    Rack,
    Records,
    ReplicaId,
    ResourceType,
    SessionEpoch,
    SessionId,
    ThrottleMs,
    TimeoutMs,
    /// Of the whole answer.
    TopErrorCode,
    TopErrorMessage,
    TopicErrorCode,
    TopicId,
    TopicName,
    Topics,
    TransactionalId,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Uuid,
    String,
    /// Bytes with a 32-bit or compact length.
    Records,
    /// An array of integers of so many bytes each.
    Integers(usize),
    /// An array of strings.
    Strings,
    /// An array of structures.
    Structs(&'static [Field]),
    Struct(&'static [Field]),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) role: Role,
    pub(super) kind: Kind,
    pub(super) tag: Option<u32>,
    since: i16,
    until: i16,
    nullable_from: i16,
}

impl Field {
    /// An element of an array of strings.
    pub(super) const ELEMENT: Self = string(Role::Other);

    pub(super) const fn exists_at(&self, version: i16) -> bool {
        self.since <= version && version <= self.until
    }

    pub(super) const fn nullable_at(&self, version: i16) -> bool {
        self.nullable_from <= version
    }

    const fn since(mut self, version: i16) -> Self {
        self.since = version;
        self
    }

    const fn until(mut self, version: i16) -> Self {
        self.until = version;
        self
    }

    /// Null is allowed from this version on.
    const fn nullable(mut self, version: i16) -> Self {
        self.nullable_from = version;
        self
    }

    const fn tag(mut self, tag: u32) -> Self {
        self.tag = Some(tag);
        self
    }
}

/// One direction of one API.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) api_key: i16,
    pub(super) direction: Direction,
    pub(super) min: i16,
    pub(super) max: i16,
    /// First version with compact lengths and tagged fields.
    pub(super) flexible_from: i16,
    pub(super) fields: &'static [Field],
}

const NEVER: i16 = i16::MAX;

pub(super) static MESSAGES: &[&Message] = &[
    &produce::REQUEST,
    &produce::RESPONSE,
    &fetch::REQUEST,
    &fetch::RESPONSE,
    &cluster::METADATA_REQUEST,
    &cluster::METADATA_RESPONSE,
    &cluster::COORDINATOR_REQUEST,
    &cluster::COORDINATOR_RESPONSE,
    &cluster::DESCRIBE_REQUEST,
    &cluster::DESCRIBE_RESPONSE,
    &handshake::SASL_REQUEST,
    &handshake::SASL_RESPONSE,
    &handshake::VERSIONS_REQUEST,
    &handshake::VERSIONS_RESPONSE,
    &configs::REQUEST,
    &configs::RESPONSE,
    &offsets::LIST_RESPONSE,
    &offsets::PRODUCER_RESPONSE,
    &share::FETCH_REQUEST,
    &share::FETCH_RESPONSE,
    &share::ACKNOWLEDGE_REQUEST,
    &share::ACKNOWLEDGE_RESPONSE,
    &alterations::CREATE_RESPONSE,
    &alterations::DELETE_RESPONSE,
    &alterations::ALTER_CONFIGS_RESPONSE,
    &alterations::INCREMENTAL_ALTER_CONFIGS_RESPONSE,
];

/// The schema of an API at whatever version.
pub(super) fn of_api(api_key: i16, direction: Direction) -> Option<&'static Message> {
    let mut messages = MESSAGES.iter().copied();
    messages.find(|message| message.api_key == api_key && message.direction == direction)
}

pub(super) fn find(api_key: i16, version: i16, direction: Direction) -> Result<&'static Message, WireError> {
    of_api(api_key, direction)
        .filter(|message| message.min <= version && version <= message.max)
        .ok_or(WireError::Unsupported(api_key, version))
}

const fn field(role: Role, kind: Kind) -> Field {
    Field { role, kind, tag: None, since: 0, until: NEVER, nullable_from: NEVER }
}

const fn bool(role: Role) -> Field {
    field(role, Kind::Bool)
}

const fn i8(role: Role) -> Field {
    field(role, Kind::I8)
}

const fn i16(role: Role) -> Field {
    field(role, Kind::I16)
}

const fn i32(role: Role) -> Field {
    field(role, Kind::I32)
}

const fn i64(role: Role) -> Field {
    field(role, Kind::I64)
}

const fn uuid(role: Role) -> Field {
    field(role, Kind::Uuid)
}

const fn string(role: Role) -> Field {
    field(role, Kind::String)
}

const fn records(role: Role) -> Field {
    field(role, Kind::Records).nullable(0)
}

const fn integers(width: usize) -> Field {
    field(Role::Other, Kind::Integers(width))
}

const fn strings() -> Field {
    field(Role::Other, Kind::Strings)
}

const fn structs(role: Role, fields: &'static [Field]) -> Field {
    field(role, Kind::Structs(fields))
}

const fn structure(fields: &'static [Field]) -> Field {
    field(Role::Other, Kind::Struct(fields))
}

/// A broker's address, as `node_endpoints` and the list of brokers in Metadata have it.
const ENDPOINT: &[Field] =
    &[i32(Role::NodeId), string(Role::Host), i32(Role::Port), string(Role::Rack).since(1).nullable(1)];

const LEADER: &[Field] = &[i32(Role::Other), i32(Role::Other)];
