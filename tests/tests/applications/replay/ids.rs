//! What brokers have made up: the same things have other ids in each place.

use bytes::Bytes;
use uuid::Uuid;

use super::answer::ids_in;

/// Ids of the recorded place, each with that of another one.
pub(super) struct Ids(Vec<(Vec<u8>, Vec<u8>)>);

impl Ids {
    pub(super) fn of_topics(recorded: &[Uuid], here: &[Uuid]) -> Self {
        let bytes = |id: &Uuid| id.as_bytes().to_vec();
        Self(recorded.iter().map(bytes).zip(here.iter().map(bytes)).collect())
    }

    /// The same answer, recorded and here, tells which id is which: a member of a group is called by the id that it was given.
    pub(super) fn learn(&mut self, recorded: &[u8], here: &[u8]) {
        let (recorded, here) = (ids_in(recorded), ids_in(here));
        if recorded.len() == here.len() {
            for (from, to) in recorded.into_iter().zip(here).filter(|(from, to)| from != to) {
                self.0.retain(|(known, _)| *known != from);
                self.0.push((from.to_vec(), to.to_vec()));
            }
        }
    }

    /// A recorded request as it is to be said here.
    pub(super) fn translate(&self, frame: &Bytes) -> Bytes {
        let mut frame = frame.to_vec();
        for (from, to) in &self.0 {
            let places: Vec<usize> = frame
                .windows(from.len())
                .enumerate()
                .filter(|(_, at)| at == from)
                .map(|(place, _)| place)
                .collect();
            for place in places {
                frame[place..place + to.len()].copy_from_slice(to);
            }
        }
        frame.into()
    }
}
