//! Rules that speak against a migration before it is applied, with what the database knows of its tables.

use bascule_lint::{Context, Database, Finding, Live, Phases, ServerVersion, Severity, TableFacts};
use bascule_migrate::{Journal, Migrator, Record, Server};
use bascule_migrations::Migration;
use bascule_model::problem::{Code, Problem};
use bascule_model::schema::SchemaOrder;
use bascule_sql::{Dialect, Name};
use jiff::civil::Date;

use super::problem;

/// What the rules find in what is pending, by the rows that are there.
///
/// # Errors
/// Those of the database.
pub async fn pending(
    migrator: &mut Migrator,
    set: &[Migration],
    today: Date,
) -> Result<Vec<Finding>, Problem> {
    let journal = migrator.journal().await.map_err(|error| problem::migrate(&error))?;
    look(migrator, set, &journal, Live::Unknown, today).await
}

/// Refuses what a rule says would hurt; gives what is only to be known.
pub(super) async fn refuse(
    migrator: &mut Migrator,
    set: &[Migration],
    journal: &Journal,
    order: SchemaOrder,
    today: Date,
) -> Result<Vec<String>, Problem> {
    let live = match order {
        SchemaOrder::Files => Live::Nobody,
        SchemaOrder::Phases => Live::Release,
    };
    let findings = look(migrator, set, journal, live, today).await?;
    let blocks: Vec<Finding> =
        findings.iter().filter(|finding| finding.severity == Severity::Block).cloned().collect();
    if !blocks.is_empty() {
        return Err(Problem::new(
            Code::MigrationLint,
            format!("what is pending would hurt:\n{}", bascule_lint::text(&blocks).trim_end()),
            "write it as the rules say; or allow it with `-- bascule:allow RULE until=YYYY-MM-DD reason=\"…\"` before the statement",
        ));
    }
    let warned = findings.iter().filter(|finding| finding.severity == Severity::Warning);
    Ok(warned.map(|it| format!("{}:{}: {} ({})", it.path, it.line, it.reason, it.rule)).collect())
}

async fn look(
    migrator: &mut Migrator,
    set: &[Migration],
    journal: &Journal,
    live: Live,
    today: Date,
) -> Result<Vec<Finding>, Problem> {
    let stands = |migration: &&Migration| journal.find(&migration.version).is_some_and(Record::stands);
    let pending: Vec<Migration> = set.iter().filter(|migration| !stands(migration)).cloned().collect();
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = migrator.server().dialect();
    let context = Context {
        version: Some(version(migrator.server())),
        database: Database::Tables(tables(migrator).await?),
        live,
        phases: Phases::ByClass,
        ..Context::of(dialect, today)
    };
    Ok(bascule_lint::lint(&pending, &context))
}

fn version(server: Server) -> ServerVersion {
    let of = |major, minor, patch, mariadb| ServerVersion { major, minor, patch, mariadb };
    match server {
        Server::Postgres(number) => of(number / 10_000, number % 10_000, 0, false),
        Server::MariaDb(major, minor, patch) => of(major, minor, patch, true),
        Server::Mysql(major, minor, patch) | Server::Sqlite(major, minor, patch) => {
            of(major, minor, patch, false)
        }
    }
}

/// The tables that are there, with about how many rows they have.
async fn tables(migrator: &mut Migrator) -> Result<Vec<TableFacts>, Problem> {
    let sql = match migrator.server().dialect() {
        Dialect::Postgres => {
            "SELECT CASE WHEN n.nspname = current_schema() THEN '' ELSE n.nspname END, c.relname, \
             CASE WHEN c.reltuples < 0 THEN NULL ELSE c.reltuples::bigint END \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'bascule')"
        }
        Dialect::Mysql => {
            "SELECT '', table_name, table_rows FROM information_schema.tables \
             WHERE table_schema = database() AND table_type = 'BASE TABLE'"
        }
        Dialect::Sqlite => {
            "SELECT '', name, NULL FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        }
    };
    let rows = migrator.connection().rows(sql).await.map_err(|error| {
        Problem::new(
            Code::DatabaseUnavailable,
            format!("asking for the tables: {error}"),
            "see what the server says, then begin again",
        )
    })?;
    Ok(rows.into_iter().filter_map(facts).collect())
}

fn facts(row: Vec<Option<String>>) -> Option<TableFacts> {
    let mut values = row.into_iter();
    let schema = values.next().flatten().filter(|schema| !schema.is_empty());
    let name = values.next().flatten()?;
    let rows = values.next().flatten().and_then(|rows| rows.parse().ok());
    let written = schema.as_ref().map_or_else(|| name.clone(), |schema| format!("{schema}.{name}"));
    Some(TableFacts {
        name: Name { schema, name, written },
        rows,
        columns: Vec::new(),
        indexes: Vec::new(),
        row_versions: None,
    })
}
