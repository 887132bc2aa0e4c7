//! PEM files, read whole, so that what was compared is what was parsed.

use super::Error;
use aws_lc_rs::digest::{self, SHA256};
use std::io::Read;
use std::path::{Path, PathBuf};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

/// System bundles are about 250 KiB.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// A certificate chain and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// PEM file: the certificate first, then its issuers.
    pub certificate: PathBuf,
    /// PEM file: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

impl IdentityFiles {
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        [self.certificate.as_path(), self.key.as_path()].into_iter()
    }
}

/// Files and their contents at one moment.
pub(super) struct Contents<'a>(Vec<(&'a Path, Vec<u8>)>);

impl<'a> Contents<'a> {
    pub(super) fn read(paths: impl IntoIterator<Item = &'a Path>) -> Result<Self, Error> {
        paths
            .into_iter()
            .map(|path| Ok((path, read_bounded(path)?)))
            .collect::<Result<Vec<_>, Error>>()
            .map(Self)
    }

    /// Differs when any file differs.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&SHA256);
        for (_, bytes) in &self.0 {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }

    fn of(&self, path: &Path) -> &[u8] {
        self.0.iter().find(|(each, _)| *each == path).map_or(&[], |(_, bytes)| bytes)
    }

    pub(super) fn identity(
        &self,
        files: &IdentityFiles,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
        let chain = self.certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(self.of(&files.key)).map_err(|error| match error {
            pem::Error::NoItemsFound => Error::Missing { path: files.key.clone(), what: "private key" },
            other => Error::pem(&files.key, &other),
        })?;
        Ok((chain, key))
    }

    /// Every certificate of every file; a file without one is a mistake.
    pub(super) fn anchors(&self, bundle: &[PathBuf]) -> Result<RootCertStore, Error> {
        let mut store = RootCertStore::empty();
        for path in bundle {
            for (index, certificate) in self.certificates(path)?.into_iter().enumerate() {
                store.add(certificate).map_err(|source| Error::Anchor {
                    path: path.clone(),
                    number: index.saturating_add(1),
                    source,
                })?;
            }
        }
        if store.is_empty() { Err(Error::NoAnchors) } else { Ok(store) }
    }

    /// Every revocation list of a file; a file without one is a mistake.
    pub(super) fn revoked(&self, path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
        let lists = CertificateRevocationListDer::pem_slice_iter(self.of(path))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::pem(path, &error))?;
        if lists.is_empty() {
            return Err(Error::Missing { path: path.into(), what: "revocation list" });
        }
        Ok(lists)
    }

    fn certificates(&self, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
        let certificates = CertificateDer::pem_slice_iter(self.of(path))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::pem(path, &error))?;
        if certificates.is_empty() {
            return Err(Error::Missing { path: path.into(), what: "certificate" });
        }
        Ok(certificates)
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.into(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::Size { path: path.into() });
    }
    Ok(bytes)
}
