//! Fetch.

use super::{
    ENDPOINT, Field, LEADER, Message, Role, i8, i16, i32, i64, integers, records, string, structs, structure,
    uuid,
};
use crate::wire::Direction;

const REQUEST_PARTITION: &[Field] = &[
    i32(Role::PartitionIndex),
    i32(Role::Other).since(9),
    i64(Role::FetchOffset),
    i32(Role::Other).since(12),
    i64(Role::Other).since(5),
    i32(Role::PartitionMaxBytes),
    uuid(Role::Other).since(17).tag(0),
    i64(Role::Other).since(18).tag(1),
];

const REQUEST_TOPIC: &[Field] = &[
    string(Role::TopicName).until(12),
    uuid(Role::TopicId).since(13),
    structs(Role::Partitions, REQUEST_PARTITION),
];

const FORGOTTEN: &[Field] = &[string(Role::Other).until(12), uuid(Role::Other).since(13), integers(4)];

const REPLICA_STATE: &[Field] = &[i32(Role::ReplicaId), i64(Role::Other)];

pub(super) static REQUEST: Message = Message {
    api_key: 1,
    direction: Direction::Request,
    min: 0,
    max: 18,
    flexible_from: 12,
    fields: &[
        i32(Role::ReplicaId).until(14),
        i32(Role::MaxWaitMs),
        i32(Role::MinBytes),
        i32(Role::MaxBytes).since(3),
        i8(Role::Other).since(4),
        i32(Role::SessionId).since(7),
        i32(Role::SessionEpoch).since(7),
        structs(Role::Topics, REQUEST_TOPIC),
        structs(Role::Other, FORGOTTEN).since(7),
        string(Role::Other).since(11),
        string(Role::ClusterId).since(12).nullable(12).tag(0),
        structure(REPLICA_STATE).since(15).tag(1),
    ],
};

const EPOCH_AND_OFFSET: &[Field] = &[i32(Role::Other), i64(Role::Other)];

const OFFSET_AND_EPOCH: &[Field] = &[i64(Role::Other), i32(Role::Other)];

const ABORTED: &[Field] = &[i64(Role::Other), i64(Role::Other)];

const RESPONSE_PARTITION: &[Field] = &[
    i32(Role::PartitionIndex),
    i16(Role::ErrorCode),
    i64(Role::HighWatermark),
    i64(Role::Other).since(4),
    i64(Role::LogStartOffset).since(5),
    structs(Role::Other, ABORTED).since(4).nullable(4),
    i32(Role::Other).since(11),
    records(Role::Records),
    structure(EPOCH_AND_OFFSET).since(12).tag(0),
    structure(LEADER).since(12).tag(1),
    structure(OFFSET_AND_EPOCH).since(12).tag(2),
];

const RESPONSE_TOPIC: &[Field] = &[
    string(Role::TopicName).until(12),
    uuid(Role::TopicId).since(13),
    structs(Role::Partitions, RESPONSE_PARTITION),
];

pub(super) static RESPONSE: Message = Message {
    api_key: 1,
    direction: Direction::Response,
    min: 0,
    max: 18,
    flexible_from: 12,
    fields: &[
        i32(Role::ThrottleMs).since(1),
        i16(Role::TopErrorCode).since(7),
        i32(Role::SessionId).since(7),
        structs(Role::Topics, RESPONSE_TOPIC),
        structs(Role::Brokers, ENDPOINT).since(16).tag(0),
    ],
};
