//! How far a tool is: a bar on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Between two lines.
const QUIET: Duration = Duration::from_secs(10);

/// Written to standard error, so that standard output is the report alone.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    done: u64,
    total: u64,
    bar: Option<ProgressBar>,
    last: Instant,
}

impl Progress {
    /// Of so much. Nothing is shown where `quiet`.
    pub(crate) fn new(what: &'static str, total: u64, quiet: bool) -> Self {
        let bar = (std::io::stderr().is_terminal() && !quiet).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
            let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent}%  {eta} left  {msg}");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.set_prefix(what);
            bar
        });
        let last = if quiet { Instant::now() + Duration::from_hours(24 * 365) } else { Instant::now() };
        Self { what, done: 0, total, bar, last }
    }

    /// So much is done now, of this.
    pub(crate) fn at(&mut self, done: u64, of: impl std::fmt::Display) {
        self.done = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(of.to_string());
        } else if self.last.elapsed() >= QUIET {
            self.last = Instant::now();
            let percent = done.saturating_mul(100).checked_div(self.total).unwrap_or(100);
            let _ = writeln!(std::io::stderr(), "{}: {percent}% done, at {of}", self.what);
        }
    }

    /// So much more is done.
    pub(crate) fn add(&mut self, more: u64, of: impl std::fmt::Display) {
        self.at(self.done.saturating_add(more), of);
    }

    /// Leaves nothing on the terminal.
    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
