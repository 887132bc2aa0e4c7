//! What both sides do, as the input says it. Every input says something, and what it says first stays the same when more
//! follows.

use super::client::{self, Request};
use crate::wire::write;
use std::collections::VecDeque;
use std::time::Duration;

pub(super) struct Script {
    /// Which of the policies.
    pub(super) policy: u8,
    /// Whether brokers take the client for the proxy.
    pub(super) as_itself: bool,
    pub(super) mood: u8,
    /// Bytes that are on their way at most.
    pub(super) pipe: usize,
    pub(super) steps: Vec<Step>,
    pub(super) plans: VecDeque<Plan>,
}

/// Of the client, or of what is around it.
pub(super) enum Step {
    /// Bytes, written in chunks of so many.
    Send(Vec<u8>, usize),
    Wait(Duration),
    /// The key management system behaves otherwise.
    Mood(u8),
    /// Another policy, or none that is valid, stands in the file.
    Reload(u8),
    Drain,
}

/// What a broker does with a request.
pub(super) enum Plan {
    Honest,
    /// The honest answer with some bytes changed: place and byte.
    Changed(Vec<(u16, u8)>),
    /// Another valid answer of the same kind.
    Other(u64),
    /// Stored records with some bytes changed and their checksums mended.
    Tampered(Vec<(u16, u8)>),
    /// These bytes for stored records.
    Records(Vec<u8>),
    /// An error for each partition.
    Refused(i16),
    /// The answer to another request.
    Correlation(i32),
    Late(Duration),
    /// The answer comes twice.
    Twice,
    /// Only after the next one.
    Swapped,
    Raw(Vec<u8>),
    Silent,
    Close,
}

const PIPES: [usize; 4] = [1, 17, 4096, 1 << 20];
/// Steps of one input: each may take its time.
const MOST: usize = 48;

pub(super) struct Input<'a>(&'a [u8]);

impl Input<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// As many as the next byte says, or as there are.
    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }

    fn changes(&mut self) -> Vec<(u16, u8)> {
        (0..self.byte() % 8).map(|_| (self.short(), self.byte())).collect()
    }

    /// From a millisecond to nearly an hour.
    fn time(&mut self) -> Duration {
        Duration::from_millis(1 << (self.byte() % 22))
    }
}

impl Script {
    pub(super) fn parse(data: &[u8]) -> Self {
        let mut input = Input(data);
        let (policy, mood, flags) = (input.byte(), input.byte(), input.byte());
        let mut script = Self {
            policy,
            as_itself: flags & 4 != 0,
            mood,
            pipe: PIPES[usize::from(flags & 3)],
            steps: Vec::new(),
            plans: VecDeque::new(),
        };
        let mut correlation_id = 0;
        while !input.0.is_empty() && script.steps.len() + script.plans.len() < MOST {
            script.step(&mut input, &mut correlation_id);
        }
        script
    }

    fn step(&mut self, input: &mut Input<'_>, correlation_id: &mut i32) {
        let step = match input.byte() % 16 {
            0..=7 => {
                *correlation_id += 1;
                let mut frame = Request::parse(input).frame(*correlation_id);
                let more = input.byte();
                if more & 1 != 0 {
                    change(&mut frame, &input.changes());
                }
                let chunk = if more & 2 != 0 { 1 + usize::from(more >> 4) } else { usize::MAX };
                Step::Send(framed(&frame), chunk)
            }
            8..=10 => return self.plans.push_back(plan(input)),
            11 => Step::Send(framed(&input.bytes()), usize::MAX),
            12 => Step::Send(input.bytes(), usize::MAX),
            13 => Step::Wait(input.time()),
            14 => match input.byte() {
                policy @ 128.. => Step::Reload(policy - 128),
                mood => Step::Mood(mood),
            },
            _ if input.byte().is_multiple_of(8) => Step::Drain,
            _ => Step::Send(framed(&client::token(input)), usize::MAX),
        };
        self.steps.push(step);
    }
}

fn plan(input: &mut Input<'_>) -> Plan {
    match input.byte() % 16 {
        0 => Plan::Changed(input.changes()),
        1 => Plan::Other(input.short().into()),
        2 | 3 => Plan::Tampered(input.changes()),
        4 => Plan::Records(input.bytes()),
        5 => Plan::Refused(i16::from(input.byte())),
        6 => Plan::Correlation(i32::from(input.byte()) - 128),
        7 => Plan::Late(input.time()),
        8 => Plan::Twice,
        9 => Plan::Swapped,
        10 => Plan::Raw(input.bytes()),
        11 => Plan::Silent,
        12 => Plan::Close,
        _ => Plan::Honest,
    }
}

/// Bytes behind the end cut the message short instead.
pub(super) fn change(message: &mut Vec<u8>, changes: &[(u16, u8)]) {
    for (place, byte) in changes {
        let place = usize::from(*place);
        match message.get_mut(place) {
            Some(found) => *found = *byte,
            None => message.truncate(place % message.len().max(1)),
        }
    }
}

pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.len() + 4);
    write::count(false, message.len(), &mut frame);
    frame.extend_from_slice(message);
    frame
}
