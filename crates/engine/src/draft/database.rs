//! The database of a wish: where its migrations come from here, where it is apart.

use bascule_model::manifest::{Backup, Environment, Value};
use bascule_model::release::MigrationSource;
use bascule_model::schema::{BackupPolicy, DatabaseAccess, SchemaPolicy};

pub(super) fn source(environment: &Environment) -> Option<MigrationSource> {
    let database = environment.database.as_ref()?;
    Some(MigrationSource {
        folder: database.migrations.to_string(),
        format: database.format,
        policy: SchemaPolicy {
            lock_timeout: database.lock_timeout.get(),
            watch: database.watch.get(),
            soft_drop_for: database.soft_drop_for.get(),
            backup: database.backup,
            rehearse: database.rehearse,
            smoke: database.smoke.clone(),
            backups: backups(environment.backup.as_ref()),
        },
    })
}

/// How backups are made and kept.
#[must_use]
pub fn backups(backup: Option<&Backup>) -> BackupPolicy {
    let seconds = |duration: bascule_model::units::Duration| duration.get().as_secs();
    BackupPolicy {
        every_seconds: backup.and_then(|backup| backup.every).map(seconds),
        keep: backup.map_or(1, |backup| backup.keep),
        max_age_seconds: backup.and_then(|backup| backup.max_age).map(seconds),
        region: backup.map(|backup| backup.region.clone()).unwrap_or_default(),
    }
}

/// Where the environment's database is; none where it has none.
#[must_use]
pub fn access(environment: &Environment) -> Option<DatabaseAccess> {
    let database = environment.database.as_ref()?;
    // No instance variable is open in what belongs to a database.
    let text = |value: &Value| {
        value.expose(&environment.secrets).map(|text| text.render(|_| None)).unwrap_or_default()
    };
    let backup = environment.backup.as_ref();
    let of = |value: Option<&Value>| value.map(text);
    let account = (
        of(backup.and_then(|backup| backup.access_key.as_ref())),
        of(backup.and_then(|backup| backup.secret_key.as_ref())),
    );
    Some(DatabaseAccess {
        url: text(&database.url),
        pooled_url: of(database.pooled_url.as_ref()),
        shadow_url: of(database.shadow_url.as_ref()),
        backup_to: of(backup.and_then(|backup| backup.to.as_ref())),
        backup_key: of(backup.and_then(|backup| backup.key.as_ref())),
        backup_account: account.0.zip(account.1),
    })
}
