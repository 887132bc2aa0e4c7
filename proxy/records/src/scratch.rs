//! Buffers and codec contexts that one worker reuses from batch to batch.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::codec::{Codec, CodecError, Codecs};
use crate::header::BATCH_HEADER_LEN;

/// What a buffer or context may keep between batches.
pub(crate) const RETAINED: usize = 1024 * 1024;

/// Counts all uses of all scratches: a section that outlives its use, or moves to another worker, must never be taken for
/// the records of another client.
static USES: AtomicU64 = AtomicU64::new(0);

/// Reusable memory of one worker.
///
/// Results refer to it by [`Section`]; the next batch replaces what it holds.
pub struct Scratch {
    pub(crate) codecs: Codecs,
    pub(crate) decompressed: Vec<u8>,
    pub(crate) stubs: Vec<u8>,
    pub(crate) buffers: Buffers,
    token: u64,
}

/// Buffers of the record format.
#[derive(Default)]
pub(crate) struct Buffers {
    /// A records section before it is compressed.
    pub(crate) section: Vec<u8>,
    /// One envelope header.
    pub(crate) header: Vec<u8>,
    /// One value, sealed or opened.
    pub(crate) value: Vec<u8>,
    /// What stands in place of one record's key.
    pub(crate) key: Vec<u8>,
    /// The client's headers of one record, stored or restored.
    pub(crate) headers: Vec<u8>,
}

/// Where the uncompressed records section of a batch lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// In the batch itself, behind its header.
    Batch,
    /// In [`Scratch::decompressed`], until the scratch is used for another batch. The number is that of one use of one
    /// scratch, and tells whether it was.
    Scratch(u64),
}

impl Scratch {
    /// Memory for batches of at most `max_decompressed` bytes after decompression.
    pub fn new(max_decompressed: usize) -> Self {
        Self {
            codecs: Codecs::new(max_decompressed),
            decompressed: Vec::new(),
            stubs: Vec::new(),
            buffers: Buffers::default(),
            token: next_token(),
        }
    }

    /// The records section decompressed last.
    pub fn decompressed(&self) -> &[u8] {
        &self.decompressed
    }

    /// The same for decryption in place.
    pub fn decompressed_mut(&mut self) -> &mut [u8] {
        &mut self.decompressed
    }

    /// The stub records of the batch validated last.
    pub fn stubs(&self) -> &[u8] {
        &self.stubs
    }

    /// Gives back what large batches needed beyond 1 MiB a buffer. Call it when a request is done.
    pub fn trim(&mut self) {
        let Buffers { section, header, value, key, headers } = &mut self.buffers;
        for buffer in [&mut self.decompressed, &mut self.stubs, section, header, value, key, headers] {
            if buffer.capacity() > RETAINED {
                *buffer = Vec::new();
            }
        }
        self.codecs.trim(RETAINED);
        self.token = next_token();
    }

    /// Makes the records section of `batch` readable.
    pub(crate) fn load(&mut self, codec: Codec, batch: &[u8]) -> Result<Section, CodecError> {
        if codec == Codec::None {
            return Ok(Section::Batch);
        }
        self.token = next_token();
        let compressed = batch.get(BATCH_HEADER_LEN..).unwrap_or_default();
        self.codecs.decompress(codec, compressed, &mut self.decompressed)?;
        Ok(Section::Scratch(self.token))
    }

    /// Decompresses again only if another batch was loaded in between.
    pub(crate) fn reload(
        &mut self,
        section: Section,
        codec: Codec,
        batch: &[u8],
    ) -> Result<Section, CodecError> {
        if section == Section::Scratch(self.token) && codec != Codec::None {
            return Ok(section);
        }
        self.load(codec, batch)
    }
}

fn next_token() -> u64 {
    USES.fetch_add(1, Ordering::Relaxed)
}

impl Section {
    /// The bytes of the section.
    pub(crate) fn of<'a>(self, batch: &'a [u8], decompressed: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Batch => batch.get(BATCH_HEADER_LEN..).unwrap_or_default(),
            Self::Scratch(_) => decompressed,
        }
    }
}
