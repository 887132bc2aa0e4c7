//! How the process runs: admin port, end of life, logs. All optional.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr as _;
use std::time::Duration;

use serde::Serialize;

use crate::reader::Field;

/// The admin port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Admin {
    /// Where it listens; by default on the loopback only.
    pub bind: SocketAddr,
}

/// How the proxy ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// How long connections may take to finish after SIGTERM.
    pub seconds: u32,
}

/// What the proxy logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// In which form.
    pub format: LogFormat,
    /// How much.
    pub level: LogLevel,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// The least severe level that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What somebody must be called for.
    Error,
    /// What somebody must act on soon.
    Warn,
    /// Changes of state.
    #[default]
    Info,
    /// Connections.
    Debug,
    /// Everything.
    Trace,
}

impl Default for Admin {
    fn default() -> Self {
        Self { bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 9404)) }
    }
}

impl Admin {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&["bind"])?;
        Some(Self {
            bind: fields.optional("bind").and_then(read_bind).unwrap_or_else(|| Self::default().bind),
        })
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { seconds: 30 }
    }
}

impl Drain {
    /// The grace period.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&["seconds"])?;
        let seconds = fields.optional("seconds").and_then(|field| field.integer(0..=3600));
        Some(Self { seconds: seconds.unwrap_or_else(|| Self::default().seconds) })
    }
}

impl Log {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let fields = field.fields(&["format", "level"])?;
        let format = fields
            .optional("format")
            .and_then(|field| field.choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]));
        let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
        let level = fields
            .optional("level")
            .and_then(|field| field.choice(&levels.map(|level| (level.as_str(), level))));
        Some(Self { format: format.unwrap_or_default(), level: level.unwrap_or_default() })
    }
}

impl LogLevel {
    /// The level as log filters have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// An address to bind. Names are refused because what they resolve to could change which interface is open.
pub(super) fn read_bind(field: &Field<'_>) -> Option<SocketAddr> {
    field.parsed(|text| match SocketAddr::from_str(text) {
        Ok(bind) if bind.port() != 0 => Ok(bind),
        _ => Err("must be an IP address and a port from 1 to 65535, such as 0.0.0.0:9092 or [::]:9092"),
    })
}
