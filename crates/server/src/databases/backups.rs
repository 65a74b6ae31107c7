//! Backups of a release's database: where they go, with which key, how many stay, and how old the last proven one is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bascule_backup::{
    BackupError, Backups as Library, Endpoint, Folder, Freshness, Key, Manifest, Place, Retention, S3,
    freshness,
};
use bascule_engine::ports::Clock;
use bascule_instances::durable::{Access, durable};
use bascule_migrate::contract;
use bascule_migrate::tools::Tools;
use bascule_model::ids::EnvironmentKey;
use bascule_model::plan::hex;
use bascule_model::problem::{Code, Problem};
use bascule_model::run::Evidence;
use bascule_model::schema::{BackupPolicy, DatabaseAccess};
use serde_json::json;

use super::session::Session;

/// The file of the key that a state folder keeps.
const KEY: &str = "backup.key";

/// Where backups are made from.
pub struct Backups {
    state: PathBuf,
    tools: Tools,
    clock: Arc<dyn Clock>,
}

impl Backups {
    /// Those of a state folder.
    #[must_use]
    pub fn new(state: PathBuf, tools: Tools, clock: Arc<dyn Clock>) -> Self {
        Self { state, tools, clock }
    }

    /// The place and the key of an environment's backups. `project` is where a relative folder begins.
    ///
    /// # Errors
    /// `BACKUP_PLACE_UNUSABLE`, `BACKUP_KEY` when the place or the key is none.
    pub fn of(
        &self,
        key: &EnvironmentKey,
        access: &DatabaseAccess,
        policy: &BackupPolicy,
        project: Option<&Path>,
    ) -> Result<Library, Problem> {
        let place = match access.backup_to.as_deref() {
            None => folder(self.state.join("backups").join(key.app.as_str()).join(key.environment.as_str()))?,
            Some(address) if address.starts_with("s3://") => self.bucket(address, access, policy)?,
            Some(path) => folder(super::place_in(project, path))?,
        };
        Ok(Library::new(place, self.key(access)?, self.tools.clone()))
    }

    fn bucket(
        &self,
        address: &str,
        access: &DatabaseAccess,
        policy: &BackupPolicy,
    ) -> Result<Place, Problem> {
        let (path, endpoint) = match address.trim_start_matches("s3://").split_once("?endpoint=") {
            Some((path, endpoint)) => (path, endpoint.to_owned()),
            None => {
                (address.trim_start_matches("s3://"), format!("https://s3.{}.amazonaws.com", policy.region))
            }
        };
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let Some((access_key, secret_key)) = access.backup_account.as_ref().filter(|_| !bucket.is_empty())
        else {
            return Err(Problem::new(
                Code::BackupPlaceUnusable,
                "the place of the backups names no bucket, or nobody said who one is there",
                "write to = \"s3://BUCKET/PREFIX\", `access_key` and `secret_key` into [backup]",
            ));
        };
        let endpoint = Endpoint::parse(&endpoint, &policy.region).map_err(|error| failed("", &error))?;
        let clock = self.clock.clone();
        let now = Arc::new(move || clock.now());
        Ok(Place::S3(Box::new(S3::new(endpoint, bucket, prefix, access_key, secret_key, now))))
    }

    /// The key that was given, or the one that this state folder keeps; made when there is none.
    fn key(&self, access: &DatabaseAccess) -> Result<Key, Problem> {
        if let Some(given) = &access.backup_key {
            return bytes(given).map(Key::new).ok_or_else(|| {
                Problem::new(
                    Code::BackupKey,
                    "the key of the backups is not 64 hexadecimal digits",
                    "`openssl rand -hex 32` makes one; keep it where the backups are not",
                )
            });
        }
        let path = self.state.join(KEY);
        let unusable = |error: &dyn std::fmt::Display| {
            Problem::new(
                Code::StateUnusable,
                format!("the key of the backups, {}: {error}", path.display()),
                "make it readable, put the right one back, or name a key in [backup]",
            )
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                bytes(text.trim()).map(Key::new).ok_or_else(|| unusable(&"it is not 64 hexadecimal digits"))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut fresh = [0; 32];
                getrandom::fill(&mut fresh).map_err(|error| unusable(&error))?;
                durable(&path, hex(&fresh).as_bytes(), Access::Private).map_err(|error| unusable(&error))?;
                Ok(Key::new(fresh))
            }
            Err(error) => Err(unusable(&error)),
        }
    }

    /// Takes one and reads it back.
    pub(super) async fn make(&self, session: &Session<'_>) -> Result<Evidence, Problem> {
        let library = self.library(session)?;
        let name = name(session.migrating.key);
        let (note, now) = (session.migrating.note, || self.clock.now());
        note("taking a backup".to_owned());
        let taken = library.create(&session.address, &name, now()).await;
        let taken = taken.map_err(|error| failed("taking a backup: ", &error))?;
        note(format!("reading {} back", taken.id));
        let verified = library.verify(&taken.id, &session.address, now()).await;
        let verified = verified.map_err(|error| failed("reading the backup back: ", &error))?;
        let retention = Retention { last: keep(&session.schema.policy.backups), daily: 0, weekly: 0 };
        let pruned = library.prune(&name, retention).await;
        let pruned = pruned.map_err(|error| failed("removing old backups: ", &error))?;
        Ok(json!({
            "sentence": format!("{} taken and read back, {} bytes", verified.id, verified.bytes),
            "backup": verified.id,
            "bytes": verified.bytes,
            "removed": pruned,
        }))
    }

    pub(super) async fn by_schedule(&self, session: &Session<'_>) -> Result<Vec<String>, Problem> {
        let Some(every) = session.schema.policy.backups.every_seconds else { return Ok(Vec::new()) };
        let all = self.all(session).await?;
        let newest = all.iter().map(|backup| backup.taken_at.as_second()).max();
        let now = self.clock.now().as_second();
        if newest.is_some_and(|at| u64::try_from(now - at).unwrap_or_default() < every) {
            return Ok(Vec::new());
        }
        let made = self.make(session).await?;
        Ok(made
            .get("sentence")
            .and_then(Evidence::as_str)
            .map(|it| format!("by schedule: {it}"))
            .into_iter()
            .collect())
    }

    /// Refuses a change of the schema when the policy wants a younger proven backup.
    pub(super) async fn refuse_stale(&self, session: &Session<'_>) -> Result<(), Problem> {
        let Some(most) = session.schema.policy.backups.max_age_seconds else { return Ok(()) };
        let all = self.all(session).await?;
        match freshness(&all, self.clock.now(), Duration::from_secs(most)) {
            Freshness::Fresh { .. } => Ok(()),
            found => Err(too_old(&found, &session.migrating.key.environment.to_string())),
        }
    }

    pub(super) async fn last_verified(
        &self,
        session: &Session<'_>,
    ) -> Result<Option<contract::Backup>, Problem> {
        let all = self.all(session).await?;
        let newest =
            all.iter().filter(|backup| backup.verified.is_some()).max_by_key(|backup| backup.taken_at);
        Ok(newest.map(|backup| contract::Backup {
            id: backup.id.to_string(),
            begun: backup.taken_at.as_millisecond(),
        }))
    }

    async fn all(&self, session: &Session<'_>) -> Result<Vec<Manifest>, Problem> {
        let listed = self.library(session)?.list(&name(session.migrating.key)).await;
        Ok(listed.map_err(|error| failed("listing the backups: ", &error))?.0)
    }

    fn library(&self, session: &Session<'_>) -> Result<Library, Problem> {
        let policy = &session.schema.policy.backups;
        self.of(session.migrating.key, session.access, policy, session.migrating.project)
    }
}

/// How backups of an environment are called.
#[must_use]
pub fn name(key: &EnvironmentKey) -> String {
    format!("{}-{}", key.app, key.environment)
}

/// How many stay.
#[must_use]
pub fn keep(policy: &BackupPolicy) -> usize {
    usize::try_from(policy.keep).unwrap_or(usize::MAX)
}

/// An error of the library. `doing` is put before it.
#[must_use]
pub fn failed(doing: &str, error: &BackupError) -> Problem {
    super::problem::backup(doing, error)
}

/// That there is no proven backup that is young enough.
#[must_use]
pub fn too_old(found: &Freshness, environment: &str) -> Problem {
    let message = match found {
        Freshness::Stale { id, age_s } => {
            format!("the last verified backup, {id}, is {} hours old", age_s / 3600)
        }
        Freshness::Unverified => "there are backups, and none of them was verified".to_owned(),
        _ => "there is no backup".to_owned(),
    };
    Problem::new(
        Code::BackupTooOld,
        message,
        format!("`bascule backup create {environment}` takes and verifies one"),
    )
}

fn folder(path: PathBuf) -> Result<Place, Problem> {
    Folder::open(path).map(Place::Folder).map_err(|error| failed("", &error))
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        assert_eq!(bytes(&"0f".repeat(32)), Some([15; 32]));
        for wrong in ["", "0f", &"0g".repeat(32), &"0f".repeat(33), &"é".repeat(32)] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
