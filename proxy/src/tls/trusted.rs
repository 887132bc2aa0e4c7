//! Whom a side trusts.

use super::{Error, directory};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Certificates of authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trusted {
    /// PEM bundles; each may hold several certificates, so that an authority can be renewed.
    Files(Vec<PathBuf>),
    /// Every `*.crt` of a directory, a PEM bundle each, such as a mounted Secret; files may come and go.
    Directory(PathBuf),
}

impl Trusted {
    /// With the files that a directory has at this moment in its place.
    pub(super) fn resolve(&self) -> Result<Cow<'_, Self>, Error> {
        Ok(match self {
            Self::Files(_) => Cow::Borrowed(self),
            Self::Directory(directory) => Cow::Owned(Self::Files(directory::certificates(directory)?)),
        })
    }

    /// None for a directory that was not resolved.
    pub(super) fn files(&self) -> &[PathBuf] {
        match self {
            Self::Files(files) => files,
            Self::Directory(_) => &[],
        }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files().iter().map(PathBuf::as_path)
    }
}
