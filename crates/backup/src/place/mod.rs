//! Where backups are kept: a folder of this machine, or what speaks S3.

mod folder;
mod s3;

pub use folder::Folder;
pub use s3::{Clock, Endpoint, S3};

use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::content::Growing;
use crate::error::BackupError;
use crate::manifest::{Id, Manifest};

/// What the content of a backup is called, after its id.
const CONTENT: &str = ".backup";
/// What its manifest is called.
const MANIFEST: &str = ".json";

/// Where backups are kept.
#[derive(Debug)]
pub enum Place {
    /// A folder of this machine.
    Folder(Folder),
    /// What speaks S3.
    S3(Box<S3>),
}

/// The sealed content of a backup as a file, which may only be there as long as this.
pub(crate) enum Content {
    Stays(PathBuf),
    Goes(NamedTempFile),
}

impl Content {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Stays(path) => path,
            Self::Goes(file) => file.path(),
        }
    }
}

impl Place {
    /// Where a content grows. `scratch` is a folder for what does not stay.
    pub(crate) fn workspace<'a>(&'a self, scratch: &'a Path) -> &'a Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::S3(_) => scratch,
        }
    }

    /// Removes what a killed run has left.
    pub(crate) async fn tidy(&self, scratch: &Path) -> Result<(), BackupError> {
        folder::tidy(scratch)?;
        match self {
            Self::Folder(folder) => folder.tidy(),
            Self::S3(_) => Ok(()),
        }
    }

    /// Keeps a content, and then its manifest. When it fails nothing looks like a backup.
    pub(crate) async fn put(
        &self,
        manifest: &Manifest,
        content: Growing,
        text: &[u8],
    ) -> Result<(), BackupError> {
        match self {
            Self::Folder(folder) => folder.put(&manifest.id, content, text),
            Self::S3(s3) => s3.put(manifest, &content, text).await,
        }
    }

    /// Writes a manifest anew.
    pub(crate) async fn put_manifest(&self, id: &Id, text: &[u8]) -> Result<(), BackupError> {
        match self {
            Self::Folder(folder) => folder.put_manifest(id, text),
            Self::S3(s3) => s3.put_manifest(id, text).await,
        }
    }

    /// The manifests of backups whose names begin with that, by id.
    pub(crate) async fn manifests(&self, name: &str) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
        match self {
            Self::Folder(folder) => folder.manifests(name),
            Self::S3(s3) => s3.manifests(name).await,
        }
    }

    /// One manifest.
    pub(crate) async fn manifest(&self, id: &Id) -> Result<Option<Vec<u8>>, BackupError> {
        match self {
            Self::Folder(folder) => folder.manifest(id),
            Self::S3(s3) => s3.manifest(id).await,
        }
    }

    /// A content.
    pub(crate) async fn content(&self, manifest: &Manifest, scratch: &Path) -> Result<Content, BackupError> {
        match self {
            Self::Folder(folder) => Ok(Content::Stays(folder.content(&manifest.id))),
            Self::S3(s3) => s3.content(manifest, scratch).await.map(Content::Goes),
        }
    }

    /// Removes a backup, its manifest first.
    pub(crate) async fn remove(&self, id: &Id) -> Result<(), BackupError> {
        match self {
            Self::Folder(folder) => folder.remove(id),
            Self::S3(s3) => s3.remove(id).await,
        }
    }
}
