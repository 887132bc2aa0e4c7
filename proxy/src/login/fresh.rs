//! A connection on which nothing else was sent yet.

use super::Ask;
use crate::connection::Close;
use crate::frame::{Frame, FrameReader};
use crate::io::Writer;
use crate::wire;
use bytes::Buf as _;
use kafka_protocol::messages::ApiKey;

pub(super) struct Fresh<'a> {
    reader: &'a mut FrameReader,
    writer: &'a mut Writer,
    correlation_id: i32,
}

impl<'a> Fresh<'a> {
    pub(super) fn new(reader: &'a mut FrameReader, writer: &'a mut Writer) -> Self {
        Self { reader, writer, correlation_id: 0 }
    }
}

impl Ask for Fresh<'_> {
    async fn ask(&mut self, key: ApiKey, version: i16, body: &[u8]) -> Result<Frame, Close> {
        self.correlation_id += 1;
        let message = wire::write::request(key as i16, version, self.correlation_id, body);
        let prefix = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.writer.write_slices(&[&prefix, &message]).await.map_err(Close::BrokerWrite)?;
        let frame = self.reader.next().await.map_err(Close::BrokerFrame)?.ok_or(Close::BrokerEnded)?;
        match frame.bytes.as_ref().try_get_i32() {
            Ok(id) if id == self.correlation_id => Ok(frame),
            id => Err(Close::Order(id.unwrap_or_default(), self.correlation_id)),
        }
    }
}
