//! The content of a backup as a file that grows while it is sealed, and as a stream while it is opened.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::error::{BackupError, file, written};
use crate::key::{Key, hex};
use crate::seal::{Opener, Sealer};

/// How much is read at once.
const STEP: usize = 256 * 1024;

/// A sealed file that is not a backup yet. Goes when it is dropped.
pub(crate) struct Growing {
    path: PathBuf,
    file: Option<File>,
    sealer: Option<Sealer>,
    sealed: Sha256,
    plain: Sha256,
    bytes: u64,
    plain_bytes: u64,
}

/// What was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sums {
    pub bytes: u64,
    pub sha256: String,
    pub plain_bytes: u64,
    pub plain_sha256: String,
}

impl Growing {
    /// A new one at that path, which only its owner can read.
    pub(crate) fn begin(path: PathBuf, key: &Key, id: &str) -> Result<Self, BackupError> {
        let doing = "making the backup's file";
        let made = File::options().write(true).create_new(true).mode(0o600).open(&path);
        let file = made.map_err(written(doing, &path))?;
        // Whoever comes while we live leaves it alone.
        file.try_lock().map_err(|error| BackupError::File { doing, source: error.into() })?;
        let mut growing = Self {
            path,
            file: Some(file),
            sealer: None,
            sealed: Sha256::new(),
            plain: Sha256::new(),
            bytes: 0,
            plain_bytes: 0,
        };
        let mut head = Vec::new();
        growing.sealer = Some(Sealer::new(key, id, &mut head)?);
        growing.write(&head)?;
        Ok(growing)
    }

    /// Seals all that comes.
    pub(crate) async fn take(&mut self, from: &mut (impl AsyncRead + Unpin)) -> Result<(), BackupError> {
        let (mut step, mut sealed) = (vec![0; STEP], Vec::with_capacity(2 * STEP));
        loop {
            let count = from.read(&mut step).await.map_err(file("reading what is to be sealed"))?;
            if count == 0 {
                return Ok(());
            }
            self.plain.update(&step[..count]);
            self.plain_bytes += count as u64;
            if let Some(sealer) = &mut self.sealer {
                sealer.push(&step[..count], &mut sealed)?;
            }
            self.write(&sealed)?;
            sealed.clear();
        }
    }

    /// So many bytes were sealed so far.
    pub(crate) fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }

    /// That was all: makes it durable.
    pub(crate) fn finish(&mut self) -> Result<Sums, BackupError> {
        let mut sealed = Vec::new();
        if let Some(sealer) = self.sealer.take() {
            sealer.finish(&mut sealed)?;
        }
        self.write(&sealed)?;
        if let Some(file) = &self.file {
            file.sync_all().map_err(written("writing the backup", &self.path))?;
        }
        Ok(Sums {
            bytes: self.bytes,
            sha256: hex(&std::mem::take(&mut self.sealed).finalize()),
            plain_bytes: self.plain_bytes,
            plain_sha256: hex(&std::mem::take(&mut self.plain).finalize()),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// It has another name now and stays.
    pub(crate) fn keep(mut self) {
        self.path = PathBuf::new();
    }

    fn write(&mut self, sealed: &[u8]) -> Result<(), BackupError> {
        if let Some(file) = &mut self.file {
            file.write_all(sealed).map_err(written("writing the backup", &self.path))?;
        }
        self.sealed.update(sealed);
        self.bytes += sealed.len() as u64;
        Ok(())
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // It is no backup, and the next one removes it if this fails.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A file in the scratch folder that only its owner can read. Goes when it is dropped, or with the next backup when we are killed.
pub(crate) fn passing(scratch: &Path, id: &str) -> Result<NamedTempFile, BackupError> {
    let doing = "making a file that does not stay";
    let made =
        tempfile::Builder::new().prefix(id).suffix(".copy").tempfile_in(scratch).map_err(file(doing))?;
    made.as_file().try_lock().map_err(|error| BackupError::File { doing, source: error.into() })?;
    Ok(made)
}

/// Opens a sealed file into `to`: its first `most` bytes, or all of it. Gives what it was, which is only right when this ends well.
pub(crate) async fn open(
    path: &Path,
    key: &Key,
    id: &str,
    most: Option<u64>,
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<Sums, BackupError> {
    let reading = "reading the backup";
    let mut from = tokio::fs::File::open(path).await.map_err(file(reading))?;
    let mut rest = Some(Opener::new(key, id));
    let (mut sealed, mut plain) = (Sha256::new(), Sha256::new());
    let (mut bytes, mut plain_bytes) = (0, 0);
    let (mut step, mut opened) = (vec![0; STEP], Vec::with_capacity(2 * STEP));
    // Whoever takes it may have enough before the end; what comes then still has to be right.
    let mut taken = true;
    while let Some(mut opener) = rest.take() {
        let count = from.read(&mut step).await.map_err(file(reading))?;
        sealed.update(&step[..count]);
        bytes += count as u64;
        if count == 0 {
            opener.finish(&mut opened)?;
        } else {
            opener.push(&step[..count], &mut opened)?;
            rest = Some(opener);
        }
        plain.update(&opened);
        let wanted = most.map_or(opened.len() as u64, |most| most.saturating_sub(plain_bytes));
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(opened.len());
        taken = taken && to.write_all(&opened[..wanted]).await.is_ok();
        plain_bytes += opened.len() as u64;
        opened.clear();
    }
    // What it says of its own end is asked of it by whoever gave it.
    let _ = to.shutdown().await;
    Ok(Sums { bytes, sha256: hex(&sealed.finalize()), plain_bytes, plain_sha256: hex(&plain.finalize()) })
}
