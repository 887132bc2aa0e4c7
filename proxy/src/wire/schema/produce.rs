//! Produce. Versions 0 to 2 carry old message sets and no transactional id.

use super::{
    ENDPOINT, Field, LEADER, Message, Role, i16, i32, i64, records, string, structs, structure, uuid,
};
use crate::wire::Direction;

const REQUEST_PARTITION: &[Field] = &[i32(Role::PartitionIndex), records(Role::Records)];

const REQUEST_TOPIC: &[Field] = &[
    string(Role::TopicName).until(12),
    uuid(Role::TopicId).since(13),
    structs(Role::Partitions, REQUEST_PARTITION),
];

pub(super) static REQUEST: Message = Message {
    api_key: 0,
    direction: Direction::Request,
    min: 0,
    max: 13,
    flexible_from: 9,
    fields: &[
        string(Role::TransactionalId).since(3).nullable(3),
        i16(Role::Acks),
        i32(Role::TimeoutMs),
        structs(Role::Topics, REQUEST_TOPIC),
    ],
};

const RECORD_ERROR: &[Field] = &[i32(Role::Other), string(Role::Other).nullable(8)];

const RESPONSE_PARTITION: &[Field] = &[
    i32(Role::PartitionIndex),
    i16(Role::ErrorCode),
    i64(Role::BaseOffset),
    i64(Role::Other).since(2),
    i64(Role::Other).since(5),
    structs(Role::Other, RECORD_ERROR).since(8),
    string(Role::ErrorMessage).since(8).nullable(8),
    structure(LEADER).since(10).tag(0),
];

const RESPONSE_TOPIC: &[Field] = &[
    string(Role::TopicName).until(12),
    uuid(Role::TopicId).since(13),
    structs(Role::Partitions, RESPONSE_PARTITION),
];

pub(super) static RESPONSE: Message = Message {
    api_key: 0,
    direction: Direction::Response,
    min: 0,
    max: 13,
    flexible_from: 9,
    fields: &[
        structs(Role::Topics, RESPONSE_TOPIC),
        i32(Role::ThrottleMs).since(1),
        structs(Role::Brokers, ENDPOINT).since(10).tag(0),
    ],
};
