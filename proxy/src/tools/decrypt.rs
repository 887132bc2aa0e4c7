//! `decrypt`: gets records out of what is stored, with keys and without any proxy, so that nobody is locked in.

mod lines;

use super::opening::{Opening, PlainRecord, Unopened};
use super::progress::Progress;
use super::segments::{SegmentError, Segments};
use super::{Log, Piece, PieceKind};
use crate::client::{ClientError, Cluster, Isolation, Place};
use crate::telemetry::chain;
use proxy_config::EffectivePolicy;
use proxy_crypto::Keys;
use std::io::Write;
use std::sync::Arc;
use thiserror::Error;

/// Failures that are told one by one.
const TOLD: u64 = 20;

#[derive(Debug, Error)]
pub(crate) enum DecryptError {
    #[error(transparent)]
    Segments(#[from] SegmentError),
    #[error("failed to read {0}")]
    Read(Place, #[source] ClientError),
    #[error("failed to write records")]
    Write(#[source] std::io::Error),
    #[error("{0} (--on-error skip goes on)")]
    Unopened(Place, #[source] Unopened),
    #[error("{0}: the key provider has to answer first")]
    Unanswered(Place, #[source] Unopened),
}

/// What becomes of records that cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    Stop,
    Skip,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object a line.
    Json,
    /// The same, with keys and values in base64 even where they are text.
    Base64,
    /// Values alone, each with an end of line behind it.
    Raw,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) records: u64,
    /// Null values in raw form, which has no way to write them.
    pub(crate) without_value: u64,
    /// Records of batches that could not be opened; at least one for each such batch.
    pub(crate) failed: u64,
    pub(crate) aborted_batches: u64,
    pub(crate) truncated_bytes: u64,
    /// Offsets that retention removed before they were read.
    pub(crate) removed: u64,
}

/// Opens entries and writes their records.
pub(crate) struct Decrypter<W: Write> {
    opening: Opening,
    out: W,
    form: Form,
    on_error: OnError,
    counts: Counts,
    /// Says which topics hold what other programs encrypted, where that is opened too.
    legacy: Option<Arc<EffectivePolicy>>,
}

impl<W: Write> Decrypter<W> {
    /// With a policy only under keys that it lets records be under.
    pub(crate) fn new(
        (keys, policy): (Arc<Keys>, Option<Arc<EffectivePolicy>>),
        out: W,
        form: Form,
        on_error: OnError,
    ) -> Self {
        let opening = Opening::new(keys, policy);
        Self { opening, out, form, on_error, counts: Counts::default(), legacy: None }
    }

    /// Opens what other programs encrypted too, where the policy says so.
    pub(crate) fn with_legacy_of(self, legacy: Option<Arc<EffectivePolicy>>) -> Self {
        Self { legacy, ..self }
    }

    /// All records of files, those of aborted transactions too: what became of a transaction may stand in another file.
    pub(crate) async fn segments(
        &mut self,
        mut segments: Segments,
        progress: &mut Progress,
    ) -> Result<(), DecryptError> {
        while let Some(piece) = segments.next()? {
            self.piece(&piece).await?;
            progress.at(segments.progress().0, &piece.place);
        }
        self.out.flush().map_err(DecryptError::Write)
    }

    /// Records of partitions, as a consumer would see them.
    pub(crate) async fn partitions(
        &mut self,
        cluster: &mut Cluster,
        places: Vec<Arc<Place>>,
        isolation: Isolation,
        progress: &mut Progress,
    ) -> Result<(), DecryptError> {
        for place in places {
            let failed = |error| DecryptError::Read(Place::clone(&place), error);
            let mut log = Log::open(cluster, Arc::clone(&place), isolation, None).await.map_err(failed)?;
            while let Some(piece) = log.next(cluster).await.map_err(failed)? {
                self.piece(&piece).await?;
            }
            self.counts.removed = self.counts.removed.saturating_add(u64::try_from(log.lost()).unwrap_or(0));
            progress.add(1, &place);
        }
        self.out.flush().map_err(DecryptError::Write)
    }

    /// What was done so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    async fn piece(&mut self, piece: &Piece) -> Result<(), DecryptError> {
        match piece.kind {
            PieceKind::Aborted => self.counts.aborted_batches = self.counts.aborted_batches.saturating_add(1),
            PieceKind::Truncated(bytes) => {
                self.counts.truncated_bytes = self.counts.truncated_bytes.saturating_add(bytes);
            }
            PieceKind::Batch | PieceKind::OldMessage | PieceKind::Unreadable(_, _) => {
                let Self { opening, out, form, on_error, counts, legacy } = self;
                let policy = legacy.as_deref();
                opening.expect_legacy(policy.and_then(|policy| policy.explain(&piece.place.topic).legacy));
                let each = |opened: Result<PlainRecord<'_>, Unopened>| match opened {
                    Ok(record) => write(out, *form, &piece.place, &record, counts),
                    Err(unopened) => fail(*on_error, &piece.place, unopened, counts),
                };
                opening.open(piece, each).await?;
            }
        }
        Ok(())
    }
}

fn write(
    out: &mut impl Write,
    form: Form,
    place: &Place,
    record: &PlainRecord<'_>,
    counts: &mut Counts,
) -> Result<(), DecryptError> {
    match (form, record.value) {
        (Form::Raw, None) => {
            counts.without_value = counts.without_value.saturating_add(1);
            return Ok(());
        }
        (Form::Raw, Some(value)) => out.write_all(value),
        (Form::Json | Form::Base64, _) => {
            let line = lines::line(place, record, form == Form::Base64);
            out.write_all(line.to_string().as_bytes())
        }
    }
    .and_then(|()| out.write_all(b"\n"))
    .map_err(DecryptError::Write)?;
    counts.records = counts.records.saturating_add(1);
    Ok(())
}

fn fail(
    on_error: OnError,
    place: &Place,
    unopened: Unopened,
    counts: &mut Counts,
) -> Result<(), DecryptError> {
    counts.failed = counts.failed.saturating_add(unopened.records.max(1));
    // It says nothing about the records: the same command may open them later.
    if unopened.cause.is_passing() {
        return Err(DecryptError::Unanswered(place.clone(), unopened));
    }
    if on_error == OnError::Stop {
        return Err(DecryptError::Unopened(place.clone(), unopened));
    }
    if counts.failed <= TOLD {
        let _ = writeln!(std::io::stderr(), "skipped {place}: {}", chain(&unopened));
    }
    Ok(())
}
