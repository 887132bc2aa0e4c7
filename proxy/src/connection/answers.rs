//! The half of a connection that reads the broker's answers and passes them on, in the order of the requests.

use super::expected::{Answer, Due, Expected};
use super::requests::length_prefix;
use super::{Close, Session};
use crate::frame::{Frame, FrameReader, SMALL};
use crate::handler::{addresses, altered, fetch, fetching, produce, share_fetch};
use crate::io::Writer;
use crate::metrics::labels::{Flow, Message};
use crate::pieces::Pieces;
use crate::strangers::{asks_for_tokens, lets_in};
use crate::wire::{MetadataView, ProduceResponseView};
use bytes::BytesMut;
use std::sync::Arc;
use tokio::sync::oneshot;

pub(crate) struct Answers {
    pub(crate) session: Arc<Session>,
    broker: FrameReader,
    client: Writer,
    expected: Due,
    pieces: Pieces,
    fetch: fetching::Workspace,
    produce: ProduceResponseView,
    metadata: MetadataView,
}

/// What becomes of a broker's answer.
pub(crate) enum Outcome {
    /// Goes to the client as it came.
    Unchanged,
    /// `pieces` say what goes to the client.
    Pieces,
    /// Replaced by these bytes.
    Replaced(Vec<u8>),
}

impl Answers {
    pub(crate) fn new(session: Arc<Session>, broker: FrameReader, client: Writer, expected: Due) -> Self {
        let (pieces, fetch, produce, metadata) = Default::default();
        Self { session, broker, client, expected, pieces, fetch, produce, metadata }
    }

    /// Runs until no request is read any more and every answer is out, or the broker ends.
    pub(crate) async fn run(&mut self) -> Result<(), Close> {
        loop {
            let expected = tokio::select! {
                biased;
                expected = self.expected.next() => expected,
                // Nothing is asked, so the only thing that may come is the end.
                readable = self.broker.readable() => {
                    if !readable.map_err(Close::BrokerFrame)? {
                        return Err(Close::BrokerEnded);
                    }
                    Some(self.expected.at_once().ok_or(Close::Unexpected)?)
                }
            };
            match expected {
                None => return Ok(()),
                Some(Expected::Local { message, grants }) => {
                    let prefix = length_prefix(message.len());
                    self.send(&[&prefix[..], &message[..]]).await?;
                    drop(grants);
                }
                Some(Expected::Broker { correlation_id, answer }) => {
                    self.answer(correlation_id, answer).await?;
                }
                Some(Expected::Token(sender)) => self.token(sender).await?,
            }
            self.expected.mark_answered();
        }
    }

    async fn token(&mut self, mut sender: oneshot::Sender<Frame>) -> Result<(), Close> {
        tokio::select! {
            biased;
            () = sender.closed() => return Ok(()),
            readable = self.broker.readable() => {
                if !readable.map_err(Close::BrokerFrame)? {
                    return Err(Close::BrokerEnded);
                }
            }
        }
        let _ = sender.send(self.frame().await?);
        Ok(())
    }

    /// The broker's next frame.
    async fn frame(&mut self) -> Result<Frame, Close> {
        let frame = self.broker.next().await.map_err(Close::BrokerFrame)?.ok_or(Close::BrokerEnded)?;
        self.session.shared.upstream_bytes(Flow::Received, frame.bytes.len());
        Ok(frame)
    }

    /// Tells the client that nothing more comes.
    pub(crate) async fn end(&mut self) {
        self.client.end().await;
    }

    async fn answer(&mut self, correlation_id: i32, answer: Answer) -> Result<(), Close> {
        let frame = self.frame().await?;
        let got = frame.bytes.first_chunk::<4>().map_or(0, |bytes| i32::from_be_bytes(*bytes));
        if got != correlation_id || frame.bytes.len() < 4 {
            return Err(Close::Order(got, correlation_id));
        }
        self.note(&answer, &frame);
        let mut frame = frame;
        self.pieces.clear();
        let session = Arc::clone(&self.session);
        let (session, pieces) = (&*session, &mut self.pieces);
        let outcome = match answer {
            Answer::Injected(sender) => {
                // Whoever asked may have stopped waiting.
                let _ = sender.send(frame);
                return Ok(());
            }
            Answer::Relay | Answer::SaslHandshake | Answer::SaslAuthenticate { .. } => Outcome::Unchanged,
            // With the answer and not with the request, as what is told meanwhile may be either. Before the client has it: what it
            // does then shall find the topics as it left them.
            Answer::Alteration { api_key, version } => {
                altered::note(&session.shared.topics, api_key, version, &frame.bytes);
                Outcome::Unchanged
            }
            Answer::ApiVersions { version } => addresses::api_versions(session, &frame.bytes, version)?,
            Answer::Metadata { version } => {
                addresses::metadata(session, &mut self.metadata, &frame.bytes, version, pieces)?
            }
            Answer::FindCoordinator { version } => {
                addresses::find_coordinator(session, &frame.bytes, version)?
            }
            Answer::DescribeCluster { version } => {
                addresses::describe_cluster(session, &frame.bytes, version)?
            }
            Answer::Produce(sent) => {
                produce::answer(session, &mut self.produce, &frame.bytes, &sent, pieces)?
            }
            Answer::Fetch(asked) => {
                fetch::answer(session, &mut self.fetch, &mut frame.bytes, &asked, pieces).await?
            }
            Answer::ShareFetch { version } => {
                share_fetch::answer(session, &mut self.fetch, &mut frame.bytes, version, pieces).await?
            }
            Answer::ShareAcknowledge { version } => {
                let view = &mut self.fetch.share_view;
                addresses::share_acknowledge(session, &frame.bytes, version, view, pieces)?
            }
        };
        self.pass_on(frame, outcome).await
    }

    /// What an answer says of whether brokers know the client. Before the client has it, and may send more than strangers may.
    fn note(&self, answer: &Answer, frame: &Frame) {
        let newcomer = &self.session.newcomer;
        match answer {
            Answer::SaslHandshake if asks_for_tokens(&frame.bytes) => newcomer.note_asked(),
            Answer::SaslAuthenticate { version } if lets_in(*version, &frame.bytes) => newcomer.note_known(),
            // Brokers answer it to anybody, or it is not the client's.
            Answer::ApiVersions { .. }
            | Answer::SaslHandshake
            | Answer::SaslAuthenticate { .. }
            | Answer::Injected(_) => {}
            _ => newcomer.note_served(),
        }
    }

    async fn pass_on(&mut self, mut frame: Frame, outcome: Outcome) -> Result<(), Close> {
        let mut pieces = std::mem::take(&mut self.pieces);
        match outcome {
            Outcome::Unchanged => {
                let prefix = length_prefix(frame.bytes.len());
                self.send(&[&prefix[..], &frame.bytes[..]]).await?;
            }
            Outcome::Pieces => {
                let prefix = length_prefix(pieces.len());
                self.send(&pieces.message(&prefix, &frame.bytes)).await?;
            }
            Outcome::Replaced(message) => {
                // Its share of the budget now stands for what replaces it.
                frame.bytes = BytesMut::new();
                let prefix = length_prefix(message.len());
                self.send(&[&prefix[..], &message[..]]).await?;
            }
        }
        pieces.trim();
        self.pieces = pieces;
        self.fetch.trim();
        self.produce.topics.trim();
        self.metadata.trim();
        self.broker.recycle(frame);
        Ok(())
    }

    async fn send(&mut self, slices: &[&[u8]]) -> Result<(), Close> {
        let shared = &self.session.shared;
        // Small answers hold nothing that others wait for.
        let is_large = || slices.iter().map(|slice| slice.len()).sum::<usize>() > SMALL;
        let wanted = || shared.is_room_for_answers_wanted() && is_large();
        let written = self.client.write_slices_unless(wanted, slices).await.map_err(Close::ClientWrite)?;
        self.session.shared.client_bytes(Flow::Sent, written);
        self.session.shared.metrics.traffic.frames.inc(Message::Response);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
