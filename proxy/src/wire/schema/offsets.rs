//! `ListOffsets` and `InitProducerId`: answers to what the command line's tools ask.

use super::{Field, Message, Role, i16, i32, i64, string, structs};
use crate::wire::Direction;

const PARTITION: &[Field] = &[
    i32(Role::PartitionIndex),
    i16(Role::ErrorCode),
    i64(Role::Other),
    i64(Role::Other),
    i32(Role::Other).since(4),
];

const TOPIC: &[Field] = &[string(Role::TopicName), structs(Role::Partitions, PARTITION)];

pub(super) static LIST_RESPONSE: Message = Message {
    api_key: 2,
    direction: Direction::Response,
    min: 1,
    max: 10,
    flexible_from: 6,
    fields: &[i32(Role::ThrottleMs).since(2), structs(Role::Topics, TOPIC)],
};

pub(super) static PRODUCER_RESPONSE: Message = Message {
    api_key: 22,
    direction: Direction::Response,
    min: 0,
    max: 6,
    flexible_from: 2,
    fields: &[
        i32(Role::ThrottleMs),
        i16(Role::TopErrorCode),
        i64(Role::Other),
        i16(Role::Other),
        i64(Role::Other).since(6),
        i16(Role::Other).since(6),
    ],
};
