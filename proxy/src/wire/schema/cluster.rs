//! Metadata, FindCoordinator and DescribeCluster: the answers that name brokers.

use super::{ENDPOINT, Field, Message, Role, bool, i8, i16, i32, integers, string, strings, structs, uuid};
use crate::wire::Direction;

const METADATA_REQUEST_TOPIC: &[Field] =
    &[uuid(Role::TopicId).since(10), string(Role::TopicName).nullable(10)];

pub(super) static METADATA_REQUEST: Message = Message {
    api_key: 3,
    direction: Direction::Request,
    min: 0,
    max: 13,
    flexible_from: 9,
    fields: &[
        structs(Role::Topics, METADATA_REQUEST_TOPIC).nullable(1),
        bool(Role::Other).since(4),
        bool(Role::Other).since(8).until(10),
        bool(Role::Other).since(8),
    ],
};

const METADATA_PARTITION: &[Field] = &[
    i16(Role::Other),
    i32(Role::Other),
    i32(Role::Other),
    i32(Role::Other).since(7),
    integers(4),
    integers(4),
    integers(4).since(5),
];

const METADATA_TOPIC: &[Field] = &[
    i16(Role::Other),
    string(Role::TopicName).nullable(12),
    uuid(Role::TopicId).since(10),
    bool(Role::Other).since(1),
    structs(Role::Other, METADATA_PARTITION),
    i32(Role::Other).since(8),
];

pub(super) static METADATA_RESPONSE: Message = Message {
    api_key: 3,
    direction: Direction::Response,
    min: 0,
    max: 13,
    flexible_from: 9,
    fields: &[
        i32(Role::ThrottleMs).since(3),
        structs(Role::Brokers, ENDPOINT),
        string(Role::ClusterId).since(2).nullable(2),
        i32(Role::ControllerId).since(1),
        structs(Role::Topics, METADATA_TOPIC),
        i32(Role::Other).since(8).until(10),
        i16(Role::TopErrorCode).since(13),
    ],
};

pub(super) static COORDINATOR_REQUEST: Message = Message {
    api_key: 10,
    direction: Direction::Request,
    min: 0,
    max: 6,
    flexible_from: 3,
    fields: &[string(Role::Other).until(3), i8(Role::Other).since(1), strings().since(4)],
};

const COORDINATOR: &[Field] = &[
    string(Role::Other),
    i32(Role::NodeId),
    string(Role::Host),
    i32(Role::Port),
    i16(Role::ErrorCode),
    string(Role::ErrorMessage).nullable(4),
];

pub(super) static COORDINATOR_RESPONSE: Message = Message {
    api_key: 10,
    direction: Direction::Response,
    min: 0,
    max: 6,
    flexible_from: 3,
    fields: &[
        i32(Role::ThrottleMs).since(1),
        i16(Role::TopErrorCode).until(3),
        string(Role::TopErrorMessage).since(1).until(3).nullable(1),
        i32(Role::NodeId).until(3),
        string(Role::Host).until(3),
        i32(Role::Port).until(3),
        structs(Role::Brokers, COORDINATOR).since(4),
    ],
};

pub(super) static DESCRIBE_REQUEST: Message = Message {
    api_key: 60,
    direction: Direction::Request,
    min: 0,
    max: 2,
    flexible_from: 0,
    fields: &[bool(Role::Other), i8(Role::Other).since(1), bool(Role::Other).since(2)],
};

const DESCRIBED_BROKER: &[Field] = &[
    i32(Role::NodeId),
    string(Role::Host),
    i32(Role::Port),
    string(Role::Rack).nullable(0),
    bool(Role::Other).since(2),
];

pub(super) static DESCRIBE_RESPONSE: Message = Message {
    api_key: 60,
    direction: Direction::Response,
    min: 0,
    max: 2,
    flexible_from: 0,
    fields: &[
        i32(Role::ThrottleMs),
        i16(Role::TopErrorCode),
        string(Role::TopErrorMessage).nullable(0),
        i8(Role::Other).since(1),
        string(Role::ClusterId),
        i32(Role::ControllerId),
        structs(Role::Brokers, DESCRIBED_BROKER),
        i32(Role::Other),
    ],
};
