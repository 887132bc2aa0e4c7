//! ShareFetch and `ShareAcknowledge` (KIP-932). Version 0 was early access and is refused by brokers since; version 2 adds
//! acquire modes (KIP-1206) and renewal (KIP-1222).

use super::{
    ENDPOINT, Field, LEADER, Message, Role, bool, i8, i16, i32, i64, integers, records, string, structs,
    structure, uuid,
};
use crate::wire::Direction;

const ACKNOWLEDGED: &[Field] = &[i64(Role::Other), i64(Role::Other), integers(1)];

const FETCH_PARTITION: &[Field] = &[i32(Role::PartitionIndex), structs(Role::Other, ACKNOWLEDGED)];

const FETCH_TOPIC: &[Field] = &[uuid(Role::TopicId), structs(Role::Partitions, FETCH_PARTITION)];

const FORGOTTEN: &[Field] = &[uuid(Role::Other), integers(4)];

pub(super) static FETCH_REQUEST: Message = Message {
    api_key: 78,
    direction: Direction::Request,
    min: 1,
    max: 2,
    flexible_from: 0,
    fields: &[
        string(Role::Other).nullable(0),
        string(Role::Other).nullable(0),
        i32(Role::SessionEpoch),
        i32(Role::MaxWaitMs),
        i32(Role::MinBytes),
        i32(Role::MaxBytes),
        i32(Role::MaxRecords),
        i32(Role::BatchSize),
        i8(Role::Other).since(2),
        bool(Role::IsRenewal).since(2),
        structs(Role::Topics, FETCH_TOPIC),
        structs(Role::Other, FORGOTTEN),
    ],
};

const ACQUIRED: &[Field] = &[i64(Role::Other), i64(Role::Other), i16(Role::Other)];

const FETCHED_PARTITION: &[Field] = &[
    i32(Role::PartitionIndex),
    i16(Role::ErrorCode),
    string(Role::ErrorMessage).nullable(0),
    i16(Role::Other),
    string(Role::Other).nullable(0),
    structure(LEADER),
    records(Role::Records),
    structs(Role::AcquiredRecords, ACQUIRED),
];

const FETCHED_TOPIC: &[Field] = &[uuid(Role::TopicId), structs(Role::Partitions, FETCHED_PARTITION)];

pub(super) static FETCH_RESPONSE: Message = Message {
    api_key: 78,
    direction: Direction::Response,
    min: 1,
    max: 2,
    flexible_from: 0,
    fields: &[
        i32(Role::ThrottleMs),
        i16(Role::TopErrorCode),
        string(Role::TopErrorMessage).nullable(0),
        i32(Role::Other),
        structs(Role::Topics, FETCHED_TOPIC),
        structs(Role::Brokers, ENDPOINT),
    ],
};

const ACKNOWLEDGE_PARTITION: &[Field] = &[i32(Role::PartitionIndex), structs(Role::Other, ACKNOWLEDGED)];

const ACKNOWLEDGE_TOPIC: &[Field] = &[uuid(Role::TopicId), structs(Role::Partitions, ACKNOWLEDGE_PARTITION)];

pub(super) static ACKNOWLEDGE_REQUEST: Message = Message {
    api_key: 79,
    direction: Direction::Request,
    min: 1,
    max: 2,
    flexible_from: 0,
    fields: &[
        string(Role::Other).nullable(0),
        string(Role::Other).nullable(0),
        i32(Role::SessionEpoch),
        bool(Role::Other).since(2),
        structs(Role::Topics, ACKNOWLEDGE_TOPIC),
    ],
};

const ANSWERED_PARTITION: &[Field] = &[
    i32(Role::PartitionIndex),
    i16(Role::ErrorCode),
    string(Role::ErrorMessage).nullable(0),
    structure(LEADER),
];

const ANSWERED_TOPIC: &[Field] = &[uuid(Role::TopicId), structs(Role::Partitions, ANSWERED_PARTITION)];

pub(super) static ACKNOWLEDGE_RESPONSE: Message = Message {
    api_key: 79,
    direction: Direction::Response,
    min: 1,
    max: 2,
    flexible_from: 0,
    fields: &[
        i32(Role::ThrottleMs),
        i16(Role::TopErrorCode),
        string(Role::TopErrorMessage).nullable(0),
        i32(Role::Other).since(2),
        structs(Role::Topics, ANSWERED_TOPIC),
        structs(Role::Brokers, ENDPOINT),
    ],
};
