//! Shapes of the tools' tables, and how they write them.

use bascule_sql::Dialect;

use super::sql::{bytes, identifier, literal, truth};
use super::{Adoption, Width};
use crate::format::Format;
use crate::migration::{Migration, Turn};

pub(super) fn name(tool: Format) -> Option<&'static str> {
    Some(match tool {
        Format::Bascule => return None,
        Format::Dbmate | Format::GolangMigrate => "schema_migrations",
        Format::Goose => "goose_db_version",
        Format::Sqlx => "_sqlx_migrations",
        Format::Diesel => "__diesel_schema_migrations",
        Format::Refinery => "refinery_schema_history",
        Format::Flyway => "flyway_schema_history",
    })
}

/// The columns that tell it from others.
pub(super) fn fits(tool: Format, columns: &[String]) -> bool {
    let wanted: &[&str] = match tool {
        Format::Bascule => return false,
        // Only this column: golang-migrate's has `dirty` beside it.
        Format::Dbmate => return columns == ["version"],
        Format::GolangMigrate => &["version", "dirty"],
        Format::Goose => &["id", "version_id", "is_applied", "tstamp"],
        Format::Sqlx => &["version", "description", "installed_on", "success", "checksum", "execution_time"],
        Format::Diesel => &["version", "run_on"],
        Format::Refinery => &["version", "name", "applied_on", "checksum"],
        Format::Flyway => {
            &["installed_rank", "version", "description", "type", "script", "checksum", "success"]
        }
    };
    wanted.iter().all(|column| columns.iter().any(|other| other == column))
}

pub(super) fn columns_query(table: &str, dialect: Dialect) -> String {
    let (schema, name) = table.split_once('.').map_or((None, table), |(schema, name)| (Some(schema), name));
    let name = literal(name, dialect);
    let schema = schema.map(|schema| literal(schema, dialect));
    match dialect {
        Dialect::Sqlite => format!("SELECT name FROM pragma_table_info({name}) ORDER BY cid"),
        Dialect::Postgres => format!(
            "SELECT column_name FROM information_schema.columns WHERE table_name = {name} AND table_schema = {} ORDER BY ordinal_position",
            schema.unwrap_or_else(|| "ANY (current_schemas(false))".to_owned())
        ),
        Dialect::Mysql => format!(
            "SELECT column_name FROM information_schema.columns WHERE table_name = {name} AND table_schema = {} ORDER BY ordinal_position",
            schema.unwrap_or_else(|| "database()".to_owned())
        ),
    }
}

pub(super) fn create(tool: Format, table: &str, width: Width, dialect: Dialect) -> Vec<String> {
    let table_sql = identifier(table, dialect);
    let columns = match (tool, dialect) {
        (Format::Bascule, _) => return vec![],
        (Format::Dbmate, Dialect::Postgres) => "version varchar PRIMARY KEY".to_owned(),
        (Format::Dbmate, _) => "version varchar(128) PRIMARY KEY".to_owned(),
        (Format::GolangMigrate, Dialect::Sqlite) => {
            let index = identifier("version_unique", dialect);
            return vec![
                format!("CREATE TABLE IF NOT EXISTS {table_sql} (version uint64, dirty bool)"),
                format!("CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {table_sql} (version)"),
            ];
        }
        (Format::GolangMigrate, _) => {
            "version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL".to_owned()
        }
        (Format::Goose, _) => return goose(&table_sql, dialect),
        (Format::Sqlx, _) => {
            let (time, now, sum) = match dialect {
                Dialect::Postgres => ("TIMESTAMPTZ", "now()", "BYTEA"),
                Dialect::Mysql | Dialect::Sqlite => ("TIMESTAMP", "CURRENT_TIMESTAMP", "BLOB"),
            };
            format!(
                "version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on {time} NOT NULL DEFAULT {now}, success BOOLEAN NOT NULL, checksum {sum} NOT NULL, execution_time BIGINT NOT NULL"
            )
        }
        (Format::Diesel, _) => {
            "version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"
                .to_owned()
        }
        (Format::Refinery, _) => {
            let kind = match (width, dialect) {
                (Width::Narrow, Dialect::Mysql) => "INT",
                (Width::Narrow, _) => "int4",
                (Width::Wide, Dialect::Mysql) => "BIGINT",
                (Width::Wide, _) => "int8",
            };
            format!(
                "version {kind} PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255)"
            )
        }
        (Format::Flyway, _) => return flyway(table, &table_sql, dialect),
    };
    vec![format!("CREATE TABLE IF NOT EXISTS {table_sql} ({columns})")]
}

/// With the row for version 0, which stands for the table itself.
fn goose(table: &str, dialect: Dialect) -> Vec<String> {
    let columns = match dialect {
        Dialect::Postgres => {
            "id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now()"
        }
        Dialect::Mysql => {
            "id bigint(20) unsigned NOT NULL AUTO_INCREMENT, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NULL DEFAULT now(), PRIMARY KEY (id)"
        }
        Dialect::Sqlite => {
            "id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now'))"
        }
    };
    vec![
        format!("CREATE TABLE {table} ({columns})"),
        format!("INSERT INTO {table} (version_id, is_applied) VALUES (0, {})", truth(dialect)),
    ]
}

fn flyway(table: &str, table_sql: &str, dialect: Dialect) -> Vec<String> {
    let (time, now) = match dialect {
        Dialect::Postgres => ("TIMESTAMP", "now()"),
        Dialect::Mysql => ("TIMESTAMP", "CURRENT_TIMESTAMP"),
        Dialect::Sqlite => ("TEXT", "(strftime('%Y-%m-%d %H:%M:%f','now'))"),
    };
    let index = identifier(&format!("{}_s_idx", table.rsplit('.').next().unwrap_or(table)), dialect);
    vec![
        format!(
            "CREATE TABLE {table_sql} (installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50), description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INT, installed_by VARCHAR(100) NOT NULL, installed_on {time} NOT NULL DEFAULT {now}, execution_time INT NOT NULL, success BOOLEAN NOT NULL)"
        ),
        format!("CREATE INDEX {index} ON {table_sql} (success)"),
    ]
}

/// A version as the number that the table keeps.
fn number(migration: &Migration) -> String {
    migration.version.0.parse::<i64>().unwrap_or_default().to_string()
}

fn sum(migration: &Migration, tool: Format, width: Width) -> String {
    let mut sums = migration.origin.sums.iter().filter(|sum| sum.tool == tool);
    // The narrow one stands first where there is one.
    let sum = match width {
        Width::Narrow => sums.next(),
        Width::Wide => sums.next_back(),
    };
    sum.map(|sum| sum.text.clone()).unwrap_or_default()
}

pub(super) fn record(adoption: &Adoption, migration: &Migration, at: &str, dialect: Dialect) -> Vec<String> {
    let table = identifier(&adoption.table, dialect);
    let text = |text: &str| literal(text, dialect);
    let yes = truth(dialect);
    match adoption.tool {
        Format::Bascule => vec![],
        Format::Dbmate | Format::Diesel => {
            vec![format!("INSERT INTO {table} (version) VALUES ({})", text(&migration.version.0))]
        }
        Format::GolangMigrate => at_version(&table, Some(migration), dialect),
        Format::Goose => {
            vec![format!(
                "INSERT INTO {table} (version_id, is_applied) VALUES ({}, {yes})",
                number(migration)
            )]
        }
        Format::Sqlx => vec![format!(
            "INSERT INTO {table} (version, description, success, checksum, execution_time) VALUES ({}, {}, {yes}, {}, -1)",
            number(migration),
            text(&migration.name.replace('_', " ")),
            bytes(&sum(migration, Format::Sqlx, Width::Narrow), dialect),
        )],
        Format::Refinery => vec![format!(
            "INSERT INTO {table} (version, name, applied_on, checksum) VALUES ({}, {}, {}, {})",
            number(migration),
            text(&migration.name),
            text(at),
            text(&sum(migration, Format::Refinery, adoption.width)),
        )],
        Format::Flyway => {
            let version = match migration.origin.turn {
                Turn::Repeatable => "NULL".to_owned(),
                Turn::Ordered | Turn::Unordered => text(&migration.version.0),
            };
            let by = match dialect {
                Dialect::Postgres => "current_user",
                Dialect::Mysql => "current_user()",
                Dialect::Sqlite => "''",
            };
            let description: String = migration.name.replace('_', " ").chars().take(200).collect();
            vec![format!(
                "INSERT INTO {table} (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success) SELECT COALESCE(MAX(installed_rank), 0) + 1, {version}, {}, 'SQL', {}, {}, {by}, 0, {yes} FROM {table}",
                text(&description),
                text(&migration.path),
                sum(migration, Format::Flyway, Width::Narrow),
            )]
        }
    }
}

pub(super) fn forget(
    adoption: &Adoption,
    migration: &Migration,
    before: Option<&Migration>,
    dialect: Dialect,
) -> Vec<String> {
    let table = identifier(&adoption.table, dialect);
    let delete = |condition: String| vec![format!("DELETE FROM {table} WHERE {condition}")];
    match adoption.tool {
        Format::Bascule => vec![],
        Format::Dbmate | Format::Diesel => {
            delete(format!("version = {}", literal(&migration.version.0, dialect)))
        }
        Format::GolangMigrate => at_version(&table, before, dialect),
        Format::Goose => delete(format!("version_id = {}", number(migration))),
        Format::Sqlx | Format::Refinery => delete(format!("version = {}", number(migration))),
        Format::Flyway if migration.origin.turn == Turn::Repeatable => {
            delete(format!("version IS NULL AND script = {}", literal(&migration.path, dialect)))
        }
        Format::Flyway => delete(format!("version = {}", literal(&migration.version.0, dialect))),
    }
}

/// The one row of golang-migrate.
fn at_version(table: &str, migration: Option<&Migration>, dialect: Dialect) -> Vec<String> {
    let no = match dialect {
        Dialect::Sqlite => "0",
        Dialect::Postgres | Dialect::Mysql => "FALSE",
    };
    let mut statements = vec![format!("DELETE FROM {table}")];
    if let Some(migration) = migration {
        statements.push(format!("INSERT INTO {table} (version, dirty) VALUES ({}, {no})", number(migration)));
    }
    statements
}
