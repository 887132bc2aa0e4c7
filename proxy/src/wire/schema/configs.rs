//! DescribeConfigs.

use super::{Field, Message, Role, bool, i8, i16, i32, string, strings, structs};
use crate::wire::Direction;

const RESOURCE: &[Field] = &[i8(Role::Other), string(Role::Other), strings().nullable(0)];

pub(super) static REQUEST: Message = Message {
    api_key: 32,
    direction: Direction::Request,
    min: 1,
    max: 4,
    flexible_from: 4,
    fields: &[structs(Role::Other, RESOURCE), bool(Role::Other), bool(Role::Other).since(3)],
};

const SYNONYM: &[Field] = &[string(Role::Other), string(Role::Other).nullable(0), i8(Role::Other)];

const CONFIG: &[Field] = &[
    string(Role::Other),
    string(Role::Other).nullable(0),
    bool(Role::Other),
    i8(Role::Other),
    bool(Role::Other),
    structs(Role::Other, SYNONYM),
    i8(Role::Other).since(3),
    string(Role::Other).since(3).nullable(3),
];

const RESULT: &[Field] = &[
    i16(Role::Other),
    string(Role::Other).nullable(0),
    i8(Role::Other),
    string(Role::Other),
    structs(Role::Other, CONFIG),
];

pub(super) static RESPONSE: Message = Message {
    api_key: 32,
    direction: Direction::Response,
    min: 1,
    max: 4,
    flexible_from: 4,
    fields: &[i32(Role::ThrottleMs), structs(Role::Other, RESULT)],
};
