//! ApiVersions and `SaslHandshake`.

use super::{Field, Message, NEVER, Role, bool, i16, i32, i64, string, strings, structs};
use crate::wire::Direction;

pub(super) static SASL_REQUEST: Message = Message {
    api_key: 17,
    direction: Direction::Request,
    min: 0,
    max: 1,
    flexible_from: NEVER,
    fields: &[string(Role::Other)],
};

pub(super) static SASL_RESPONSE: Message = Message {
    api_key: 17,
    direction: Direction::Response,
    min: 0,
    max: 1,
    flexible_from: NEVER,
    fields: &[i16(Role::TopErrorCode), strings()],
};

pub(super) static VERSIONS_REQUEST: Message = Message {
    api_key: 18,
    direction: Direction::Request,
    min: 0,
    max: 4,
    flexible_from: 3,
    fields: &[string(Role::Other).since(3), string(Role::Other).since(3)],
};

const API: &[Field] = &[i16(Role::Other), i16(Role::Other), i16(Role::Other)];

const FEATURE: &[Field] = &[string(Role::Other), i16(Role::Other), i16(Role::Other)];

pub(super) static VERSIONS_RESPONSE: Message = Message {
    api_key: 18,
    direction: Direction::Response,
    min: 0,
    max: 4,
    flexible_from: 3,
    fields: &[
        i16(Role::TopErrorCode),
        structs(Role::Other, API),
        i32(Role::ThrottleMs).since(1),
        structs(Role::Other, FEATURE).since(3).tag(0),
        i64(Role::Other).since(3).tag(1),
        structs(Role::Other, FEATURE).since(3).tag(2),
        bool(Role::Other).since(3).tag(3),
    ],
};
