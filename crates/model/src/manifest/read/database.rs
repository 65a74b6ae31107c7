//! Reads `[database]` and `[backup]`.

use std::ops::Range;

use super::configuration::hidden_text;
use super::keys;
use super::reader::{Node, Reader};
use super::scalars::{FILE, TEXT, array, duration, flag, number, parsed, text, word};
use super::service::{HOUR, MOMENT};
use crate::manifest::types::{BackupSettings, BackupWhen, DatabaseSettings, MigrationFormat};
use crate::units::Duration;

const MINUTE: Duration = Duration::from_seconds(60);
const MONTH: Duration = Duration::from_seconds(30 * 86_400);
const YEAR: Duration = Duration::from_seconds(365 * 86_400);

/// The words of `backup`.
const WHEN: [(&str, BackupWhen); 2] =
    [("before-expand", BackupWhen::BeforeExpand), ("never", BackupWhen::Never)];

/// `[database]`
pub(crate) fn database<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
) -> Option<DatabaseSettings> {
    let section = reader.section(node, place, &keys::DATABASE)?;
    Some(DatabaseSettings {
        span: span.clone(),
        url: section.read(reader, "url", hidden_text),
        pooled_url: section.read(reader, "pooled_url", hidden_text),
        shadow_url: section.read(reader, "shadow_url", hidden_text),
        migrations: section.read(reader, "migrations", |r, key, node| parsed(r, key, node, &FILE)),
        format: section.read(reader, "format", |r, key, node| word(r, key, node, &MigrationFormat::ALL)),
        lock_timeout: section
            .read(reader, "lock_timeout", |r, key, node| duration(r, key, node, MOMENT..=MINUTE)),
        watch: section.read(reader, "watch", |r, key, node| duration(r, key, node, Duration::ZERO..=HOUR)),
        backup: section.read(reader, "backup", |r, key, node| word(r, key, node, &WHEN)),
        rehearse: section.read(reader, "rehearse", flag),
        smoke: section.read(reader, "smoke", |r, key, node| {
            array(
                r,
                key,
                node,
                "write a list of queries, as in [\"SELECT id, name FROM users\"]",
                |r, key, one| text(r, key, one, &TEXT),
            )
        }),
        soft_drop_for: section
            .read(reader, "soft_drop_for", |r, key, node| duration(r, key, node, Duration::ZERO..=YEAR)),
    })
}

/// `[backup]`
pub(crate) fn backup<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
) -> Option<BackupSettings> {
    let section = reader.section(node, place, &keys::BACKUP)?;
    Some(BackupSettings {
        span: span.clone(),
        to: section.read(reader, "to", hidden_text),
        key: section.read(reader, "key", hidden_text),
        every: section.read(reader, "every", |r, key, node| duration(r, key, node, MINUTE..=MONTH)),
        keep: section.read(reader, "keep", |r, key, node| number(r, key, node, 1..=1_000)),
        max_age: section.read(reader, "max_age", |r, key, node| duration(r, key, node, MINUTE..=YEAR)),
        access_key: section.read(reader, "access_key", hidden_text),
        secret_key: section.read(reader, "secret_key", hidden_text),
        region: section.read(reader, "region", |r, key, node| text(r, key, node, &TEXT)),
    })
}
