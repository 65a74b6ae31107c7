//! The artifact store: what was built, by digest, each file's contents once.
//!
//! An artifact is an [`index`] (its SHA-256 is the digest) over [`contents`]. Both are written aside and moved into place when
//! they are on the disk: a death at any moment leaves either no artifact or a whole one, and what it leaves besides is swept by
//! the next [`ArtifactStore::open`]. Files in the store are read-only; releases share them as hard links where the file system
//! has no reflinks, so a privileged app could still write into one: every start hashes them again.

mod build;
mod contents;
mod gather;
mod index;
mod release_folder;
mod survey;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bascule_engine::ports::{Artifacts, Made, Making, PortError, Presence, Unneeded};
use bascule_model::plan::ArtifactPlan;
use bascule_model::release::{Configuration, Source};
use bascule_secrets::redact::Redactor;
use rustix::fs::FlockOperation;

use crate::error::{ProcessError, file};
use crate::hex;
use crate::shared::blocking;
use crate::state::durable::{self, Access};
use contents::{Contents, Durability};
use index::{Entry, Index, Kind};

/// Above so many new files the whole file system is synced once, instead of each file.
const SYNC_EACH: usize = 16;

/// Artifacts by digest, in one folder.
#[derive(Debug, Clone)]
pub struct ArtifactStore {
    folder: PathBuf,
    contents: Contents,
    build_environment: Arc<BTreeMap<String, String>>,
}

impl ArtifactStore {
    /// Opens the store in a folder (`<state>/artifacts`), makes it when it is not there and sweeps what earlier deaths left.
    /// Build commands get `build_environment` and nothing else.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written.
    pub fn open(dir: &Path, build_environment: BTreeMap<String, String>) -> Result<Self, ProcessError> {
        let store = Self {
            folder: dir.to_owned(),
            contents: Contents::new(&dir.join("contents")),
            build_environment: Arc::new(build_environment),
        };
        durable::make_folder(&store.indexes())?;
        durable::make_folder(store.contents.folder())?;
        let _lock = store.lock()?;
        store.sweep()?;
        Ok(store)
    }

    fn indexes(&self) -> PathBuf {
        self.folder.join("sha256")
    }

    /// One writer at a time, in whatever process. Ends with the returned file.
    fn lock(&self) -> Result<File, ProcessError> {
        let path = self.folder.join("lock");
        let opened = File::options().create(true).append(true).open(&path).map_err(file("open", &path))?;
        rustix::fs::flock(&opened, FlockOperation::LockExclusive)
            .map_err(|e| file("lock", &path)(e.into()))?;
        Ok(opened)
    }

    /// The index of an artifact; an error when there is none or it is not what the digest says.
    fn index(&self, digest: &str) -> Result<Index, ProcessError> {
        let missing = || ProcessError::NoArtifact { digest: digest.to_owned() };
        let name = digest.strip_prefix("sha256:").filter(|name| hex::is_sha256(name)).ok_or_else(missing)?;
        let bytes = durable::read_if_there(&self.indexes().join(name).join("index"))?.ok_or_else(missing)?;
        Index::parse(&bytes)
            .filter(|index| index.digest() == digest)
            .ok_or_else(|| ProcessError::Changed { digest: digest.to_owned(), file: "its index".to_owned() })
    }

    /// Hashes everything that an artifact holds.
    fn check(&self, digest: &str) -> Result<Index, ProcessError> {
        let index = self.index(digest)?;
        let mut seen = HashSet::new();
        for entry in index.entries() {
            let Kind::File(content) = &entry.kind else { continue };
            if seen.insert(content) && !self.contents.is_whole(content)? {
                let file = entry.path_text();
                return Err(ProcessError::Changed { digest: digest.to_owned(), file });
            }
        }
        Ok(index)
    }

    /// Takes files into the store.
    fn take(&self, source: &Source) -> Result<String, ProcessError> {
        let found = gather::gather(&source.project, &source.files, &self.folder)?;
        let _lock = self.lock()?;
        let durability = if found.len() > SYNC_EACH { Durability::Later } else { Durability::EachFile };
        let taken: Result<Vec<Entry>, ProcessError> = found
            .iter()
            .map(|found| found.entry(|path, permission| self.contents.take(path, permission, durability)))
            .collect();
        let written = taken.and_then(|entries| {
            self.contents.sync(durability)?;
            let index = Index::new(entries);
            self.put_index(&index)?;
            Ok(index.digest())
        });
        if written.is_err() {
            // What was taken belongs to no artifact. The first error is the one to tell.
            let _ = self.sweep();
        }
        written
    }

    fn put_index(&self, index: &Index) -> Result<(), ProcessError> {
        let digest = index.digest();
        if self.index(&digest).is_ok() {
            return Ok(());
        }
        let name = digest.trim_start_matches("sha256:");
        let place = self.indexes().join(name);
        let aside = self.indexes().join(format!(".new-{name}"));
        // A damaged one is replaced.
        durable::remove_folder(&place)?;
        durable::remove_folder(&aside)?;
        durable::make_folder(&aside)?;
        durable::durable(&aside.join("index"), &index.bytes(), Access::Shared)?;
        fs::rename(&aside, &place).map_err(file("write", &place))?;
        Ok(durable::sync_folder(&self.indexes())?)
    }

    fn remove_all_but(&self, keep: &[String]) -> Result<(), ProcessError> {
        let _lock = self.lock()?;
        for name in durable::names(&self.indexes())? {
            if !keep.iter().any(|digest| digest.trim_start_matches("sha256:") == name) {
                durable::remove_folder(&self.indexes().join(name))?;
            }
        }
        self.sweep()
    }

    /// What [`Self::remove_all_but`] would remove. Contents that several artifacts share are counted with the first that goes,
    /// and not at all when one that stays has them.
    fn all_but(&self, keep: &[String]) -> Result<Vec<Unneeded>, ProcessError> {
        let is_kept = |name: &str| keep.iter().any(|digest| digest.trim_start_matches("sha256:") == name);
        let names: Vec<String> =
            durable::names(&self.indexes())?.into_iter().filter(|name| !name.starts_with('.')).collect();
        let (stay, go): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| is_kept(name));
        let contents = |name: &String| {
            let bytes = durable::read_if_there(&self.indexes().join(name).join("index"))?.unwrap_or_default();
            let index = Index::parse(&bytes);
            let of =
                |index: &Index| index.contents().map(|one| (one.file_name(), one.size)).collect::<Vec<_>>();
            Ok::<_, ProcessError>(index.as_ref().map(of).unwrap_or_default())
        };
        let mut counted = HashSet::new();
        for name in &stay {
            counted.extend(contents(name)?.into_iter().map(|(file, _)| file));
        }
        let mut found = Vec::new();
        for name in &go {
            let own = contents(name)?.into_iter().filter(|(file, _)| counted.insert(file.clone()));
            let bytes = own.map(|(_, size)| size).sum();
            found.push(Unneeded {
                what: format!("artifact sha256:{}", name.get(..12).unwrap_or(name)),
                bytes,
            });
        }
        Ok(found)
    }

    /// Removes what belongs to no artifact.
    fn sweep(&self) -> Result<(), ProcessError> {
        let mut needed = HashSet::new();
        for name in durable::names(&self.indexes())? {
            let folder = self.indexes().join(&name);
            if name.starts_with(".new-") {
                durable::remove_folder(&folder)?;
                continue;
            }
            let bytes = durable::read_if_there(&folder.join("index"))?.unwrap_or_default();
            let Some(index) = Index::parse(&bytes) else {
                // Which contents a damaged index needs cannot be known: nothing is removed until it is replaced or pruned.
                return Ok(());
            };
            needed.extend(index.contents().map(contents::Content::file_name));
        }
        self.contents.remove_all_but(&needed)
    }

    /// Makes or repairs the folder that a release's instances run in, from contents that were just hashed.
    ///
    /// # Errors
    /// When the artifact is missing or was changed, or the folder cannot be written.
    pub(crate) fn lay_out(&self, digest: &str, folder: &Path) -> Result<(), ProcessError> {
        let index = self.check(digest)?;
        release_folder::lay_out(&index, &self.contents, folder)
    }
}

impl ArtifactStore {
    /// What tells the artifact from another one before it is made: the fingerprint of its sources, or its digest.
    ///
    /// # Errors
    /// When the files are not there or cannot be read.
    pub async fn survey(&self, source: &Source) -> Result<String, ProcessError> {
        let (store, source) = (self.clone(), source.clone());
        blocking("surveying the project", move || {
            survey::survey(&source, &store.folder, &store.build_environment)
        })
        .await
    }

    /// Builds it, if it is built, and takes it into the store. What the build writes is kept without these secrets.
    ///
    /// # Errors
    /// When the build fails, or the files cannot be taken.
    pub async fn make(
        &self,
        source: &Source,
        log: &Path,
        redactor: &Redactor,
    ) -> Result<String, ProcessError> {
        if let Some(command) = &source.command {
            build::build(command, &source.project, &self.build_environment, log, redactor).await?;
        }
        let (store, source) = (self.clone(), source.clone());
        blocking("taking the artifact", move || store.take(&source)).await
    }

    /// Whether it is there and whole.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify(&self, digest: &str) -> Result<Presence, ProcessError> {
        let (store, digest) = (self.clone(), digest.to_owned());
        blocking("checking the artifact", move || match store.check(&digest) {
            Ok(_) => Ok(Presence::Whole),
            Err(ProcessError::NoArtifact { .. }) => Ok(Presence::Missing),
            Err(ProcessError::Changed { file, .. }) => Ok(Presence::Changed(file)),
            Err(error) => Err(error),
        })
        .await
    }
}

#[async_trait]
impl Artifacts for ArtifactStore {
    async fn survey(&self, source: &Source, _: &Configuration) -> Result<ArtifactPlan, PortError> {
        let found = self.survey(source).await?;
        Ok(match &source.command {
            Some(command) => ArtifactPlan::Build { command: command.clone(), source: found },
            None => ArtifactPlan::Files { digest: found },
        })
    }

    async fn make(&self, making: &Making<'_>) -> Result<Made, PortError> {
        Ok(Made { digest: self.make(making.source, making.log, making.redactor).await?, says: None })
    }

    async fn verify(&self, digest: &str, _: &Configuration) -> Result<Presence, PortError> {
        Ok(self.verify(digest).await?)
    }

    async fn unneeded(&self, keep: &[String]) -> Result<Vec<Unneeded>, PortError> {
        let (store, keep) = (self.clone(), keep.to_vec());
        Ok(blocking("listing artifacts", move || store.all_but(&keep)).await?)
    }

    async fn prune(&self, keep: &[String]) -> Result<(), PortError> {
        let (store, keep) = (self.clone(), keep.to_vec());
        Ok(blocking("pruning artifacts", move || store.remove_all_but(&keep)).await?)
    }
}
