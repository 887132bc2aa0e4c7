//! Answers to requests that make, remove or configure topics.

use super::{Field, Message, Role, bool, i8, i16, i32, string, structs, uuid};
use crate::wire::Direction;

const CONFIG: &[Field] = &[
    string(Role::Other),
    string(Role::Other).nullable(0),
    bool(Role::Other),
    i8(Role::Other),
    bool(Role::Other),
];

const CREATED: &[Field] = &[
    string(Role::TopicName),
    uuid(Role::TopicId).since(7),
    i16(Role::TopicErrorCode),
    string(Role::Other).since(1).nullable(1),
    i32(Role::Other).since(5),
    i16(Role::Other).since(5),
    structs(Role::Other, CONFIG).since(5).nullable(5),
    i16(Role::Other).since(5).tag(0),
];

pub(super) static CREATE_RESPONSE: Message = Message {
    api_key: 19,
    direction: Direction::Response,
    min: 0,
    max: 7,
    flexible_from: 5,
    fields: &[i32(Role::ThrottleMs).since(2), structs(Role::Topics, CREATED)],
};

const DELETED: &[Field] = &[
    string(Role::TopicName).nullable(6),
    uuid(Role::TopicId).since(6),
    i16(Role::TopicErrorCode),
    string(Role::Other).since(5).nullable(5),
];

pub(super) static DELETE_RESPONSE: Message = Message {
    api_key: 20,
    direction: Direction::Response,
    min: 0,
    max: 6,
    flexible_from: 4,
    fields: &[i32(Role::ThrottleMs).since(1), structs(Role::Topics, DELETED)],
};

const CONFIGURED: &[Field] = &[
    i16(Role::TopicErrorCode),
    string(Role::Other).nullable(0),
    i8(Role::ResourceType),
    string(Role::TopicName),
];

const CONFIGURED_ALL: &[Field] = &[i32(Role::ThrottleMs), structs(Role::Topics, CONFIGURED)];

pub(super) static ALTER_CONFIGS_RESPONSE: Message = Message {
    api_key: 33,
    direction: Direction::Response,
    min: 0,
    max: 2,
    flexible_from: 2,
    fields: CONFIGURED_ALL,
};

pub(super) static INCREMENTAL_ALTER_CONFIGS_RESPONSE: Message = Message {
    api_key: 44,
    direction: Direction::Response,
    min: 0,
    max: 1,
    flexible_from: 1,
    fields: CONFIGURED_ALL,
};
