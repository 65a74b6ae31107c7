//! The database of an environment, and where its backups go.

use super::command::IN_DATABASE;
use super::merge;
use super::resolver::Resolver;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{
    Backup, BackupSettings, BackupWhen, Database, DatabaseSettings, InstanceText, Located, MigrationFormat,
    Rehearse, RelativePath, Value,
};
use crate::units::Duration;

/// Where migrations are when nothing is said.
const MIGRATIONS: &str = "migrations";

impl Resolver<'_> {
    pub(super) fn database(&mut self) -> Option<Database> {
        let settings = merge::database(self.manifest.database.as_ref(), self.settings.database.as_ref())?;
        let Some(url) = &settings.url else {
            self.problems.push(
                Diagnostic::new(Code::MissingKey, &settings.span, "[database] does not say where it is")
                    .label("`url` is missing")
                    .help("write url = \"${DATABASE_URL}\", and set the variable where you call bascule"),
            );
            return None;
        };
        Some(Database {
            url: self.secret(url, "database.url"),
            pooled_url: settings.pooled_url.as_ref().map(|url| self.secret(url, "database.pooled_url")),
            shadow_url: settings.shadow_url.as_ref().map(|url| self.secret(url, "database.shadow_url")),
            ..plain(&settings)?
        })
    }

    pub(super) fn backup(&mut self) -> Option<Backup> {
        let settings = merge::backup(self.manifest.backup.as_ref(), self.settings.backup.as_ref());
        let has_database = self.manifest.database.is_some() || self.settings.database.is_some();
        if let (Some(settings), false) = (&settings, has_database) {
            self.problems.push(
                Diagnostic::new(
                    Code::Conflict,
                    &settings.span,
                    "[backup] has no use: there is no [database]",
                )
                .label("nothing to back up")
                .help("write [database] with its `url`, or leave this out"),
            );
        }
        let settings = settings.unwrap_or_default();
        if !has_database {
            return None;
        }
        self.check_account(&settings);
        let mut of =
            |text: &Option<Located<String>>, usage: &str| text.as_ref().map(|text| self.secret(text, usage));
        Some(Backup {
            to: of(&settings.to, "backup.to"),
            key: of(&settings.key, "backup.key"),
            access_key: of(&settings.access_key, "backup.access_key"),
            secret_key: of(&settings.secret_key, "backup.secret_key"),
            every: settings.every.map(|every| every.value),
            keep: settings.keep.map_or(7, |keep| keep.value),
            max_age: settings.max_age.map(|age| age.value),
            region: settings.region.map_or_else(|| "us-east-1".to_owned(), |region| region.value),
        })
    }

    fn check_account(&mut self, settings: &BackupSettings) {
        let half = match (&settings.access_key, &settings.secret_key) {
            (Some(access), None) => Some(("secret_key", access)),
            (None, Some(secret)) => Some(("access_key", secret)),
            _ => None,
        };
        if let Some((missing, there)) = half {
            self.problems.push(
                Diagnostic::new(Code::MissingKey, &there.span, "the account of [backup] is not complete")
                    .label(format!("`{missing}` is missing"))
                    .help("write both `access_key` and `secret_key`, or neither"),
            );
        }
    }

    fn secret(&mut self, text: &Located<String>, usage: &str) -> Value {
        self.check_open(text, usage, &IN_DATABASE);
        self.value(text, usage)
    }
}

/// All of it that has no secret in it.
fn plain(settings: &DatabaseSettings) -> Option<Database> {
    let chosen = |setting: &Option<Located<Duration>>, usual: Duration| {
        setting.as_ref().map_or(usual, |setting| setting.value)
    };
    Some(Database {
        url: Value::Public(InstanceText::default()),
        pooled_url: None,
        shadow_url: None,
        migrations: match &settings.migrations {
            Some(folder) => folder.value.clone(),
            None => MIGRATIONS.parse::<RelativePath>().ok()?,
        },
        format: settings.format.as_ref().map_or(MigrationFormat::Auto, |format| format.value),
        lock_timeout: chosen(&settings.lock_timeout, Duration::from_milliseconds(500)),
        watch: chosen(&settings.watch, Duration::from_seconds(3)),
        backup: settings.backup.as_ref().map_or(BackupWhen::Never, |when| when.value),
        rehearse: match settings.rehearse.as_ref().map(|rehearse| rehearse.value) {
            Some(false) => Rehearse::Never,
            _ => Rehearse::Always,
        },
        smoke: settings.smoke.iter().flatten().map(|query| query.value.clone()).collect(),
        soft_drop_for: chosen(&settings.soft_drop_for, Duration::from_seconds(7 * 86_400)),
    })
}
