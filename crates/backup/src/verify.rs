//! Proving a backup: it is read back into a database that is only for this.

use std::time::Instant;

use bascule_migrate::aside::{Aside, Purpose};
use bascule_migrate::tools::Owners;
use bascule_migrate::{Address, Error};
use bascule_sql::Dialect;
use jiff::Timestamp;

use crate::backup::Backups;
use crate::content::passing;
use crate::error::BackupError;
use crate::manifest::{Id, Manifest, Verified};
use crate::scratch::{Extent, compare};

impl Backups {
    /// Reads one back, compares it with what is known of it, and writes down when that was. `server` is where a database for it may be
    /// made (any address of it); SQLite needs none.
    ///
    /// # Errors
    /// [`BackupError::Differs`] when it is not what was taken; what the server or the place say.
    pub async fn verify(&self, id: &Id, server: &Address, now: Timestamp) -> Result<Manifest, BackupError> {
        let begin = Instant::now();
        let mut manifest = self.manifest(id).await?;
        if manifest.dialect == Dialect::Sqlite {
            self.verify_file(&manifest).await?;
        } else {
            self.verify_on(&manifest, server).await?;
        }
        let took_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        manifest.verified = Some(Verified { at: now, took_ms });
        self.place.put_manifest(id, &manifest.sign(&self.key)?).await?;
        Ok(manifest)
    }

    async fn verify_file(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let copy = passing(self.tools.scratch(), manifest.id.as_str())?;
        self.write(manifest, copy.path()).await?;
        compare(manifest, &Address::parse(&format!("sqlite:{}", copy.path().display()))?).await
    }

    async fn verify_on(&self, manifest: &Manifest, server: &Address) -> Result<(), BackupError> {
        let aside = self.read_aside(manifest, server, Owners::Taken).await?;
        let address = aside.address().clone();
        let outcome = compare(manifest, &address).await;
        let removed = aside.remove().await;
        outcome?;
        let doing = "dropping the database that the backup was read into";
        removed.map_err(|source| Error::Query { doing, source }.into())
    }

    /// A new database with the backup in it, without what would run by itself.
    pub(crate) async fn read_aside(
        &self,
        manifest: &Manifest,
        server: &Address,
        owners: Owners,
    ) -> Result<Aside, BackupError> {
        if server.dialect() != manifest.dialect {
            let (backup, database) = (manifest.dialect.to_string(), server.dialect().to_string());
            return Err(BackupError::Kind { backup, database });
        }
        let mut aside = Aside::name(Purpose::Restore, server, &manifest.database).await?;
        aside.create(&manifest.database_form).await?;
        let address = aside.address().clone();
        match self.load(manifest, &address, owners, Extent::Still).await {
            Ok(()) => Ok(aside),
            Err(error) => {
                // What is left if this fails too goes with the next one.
                let _ = aside.remove().await;
                Err(error)
            }
        }
    }
}
