//! Whether the queries of the live release and of the next one fit the schema, at every stage of it.
//!
//! With PostgreSQL the live ones are also prepared in a session of their own before the first migration, as those of running
//! instances are: what such a session gets for them afterwards is another question than whether they parse.

use bascule_migrations::{Phase, Version};
use bascule_sql::Dialect;

use super::apply::said;
use super::error::{RehearseError, query};
use super::report::{Outcome, Release, Smoke, Source};
use super::shadow::{APPLICATION, Shadow};
use crate::connection::Connection;
use crate::error::{DatabaseError, Error};

/// The queries of a rehearsal.
pub(super) struct Queries {
    list: Vec<Asked>,
    /// A session that has prepared the live ones before any migration.
    session: Option<Connection>,
}

struct Asked {
    release: Release,
    source: Source,
    sql: String,
    /// The first that was found, which stays.
    found: Option<Outcome>,
    /// How the session that prepared it asks for it.
    execute: Option<String>,
}

impl Queries {
    pub(super) fn of(live: &[String], next: &[String], counted: &[String]) -> Self {
        let asked = |release, source, sql: &str| {
            let sql = sql.trim().trim_end_matches(';').to_owned();
            Asked { release, source, sql, found: None, execute: None }
        };
        let mut list: Vec<Asked> = live.iter().map(|sql| asked(Release::Live, Source::Listed, sql)).collect();
        list.extend(counted.iter().map(|sql| asked(Release::Live, Source::Counted, sql)));
        list.extend(next.iter().map(|sql| asked(Release::Next, Source::Listed, sql)));
        Self { list, session: None }
    }

    /// Asks for the live ones before any migration. Again for a new copy.
    pub(super) async fn begin(&mut self, shadow: &mut Shadow) -> Result<(), RehearseError> {
        let live = |asked: &&mut Asked| asked.release == Release::Live && asked.found.is_none();
        for asked in self.list.iter_mut().filter(live) {
            if let Err(error) = shadow.connection.prepare(&asked.sql).await {
                asked.found = Some(Outcome::BrokenBefore { error: said(&error) });
            }
        }
        // What the server has counted may be of another schema, or hold a parameter where none can stand.
        self.list.retain(|asked| asked.source == Source::Listed || asked.found.is_none());
        if shadow.connection.dialect() != Dialect::Postgres || !self.list.iter_mut().any(|asked| live(&asked))
        {
            return Ok(());
        }
        let mut session = Connection::open(&shadow.address, APPLICATION).await?;
        for (at, asked) in
            self.list.iter_mut().enumerate().filter(|(_, asked)| asked.release == Release::Live)
        {
            asked.execute =
                prepare(&mut session, at, &asked.sql).await.map_err(query("preparing a query"))?;
        }
        self.session = Some(session);
        Ok(())
    }

    /// Asks for the live ones again, after the expand of that migration.
    pub(super) async fn after(&mut self, shadow: &mut Shadow, version: &Version) {
        for asked in &mut self.list {
            if asked.release != Release::Live || asked.found.is_some() {
                continue;
            }
            let since = version.clone();
            if let Err(error) = shadow.connection.prepare(&asked.sql).await {
                let error = said(&error);
                asked.found = Some(Outcome::Breaks { phase: Phase::Expand, since: Some(since), error });
            } else if let (Some(session), Some(execute)) = (&mut self.session, &asked.execute)
                && let Err(error) = session.run(execute).await
                && error.is(CHANGED)
            {
                asked.found = Some(Outcome::PlanBreaks { since, error: said(&error) });
            }
        }
    }

    /// Asks for those of the next release, in a phase in which it runs.
    pub(super) async fn next(&mut self, shadow: &mut Shadow, phase: Phase) {
        for asked in &mut self.list {
            if asked.release == Release::Next
                && asked.found.is_none()
                && let Err(error) = shadow.connection.prepare(&asked.sql).await
            {
                asked.found = Some(Outcome::Breaks { phase, since: None, error: said(&error) });
            }
        }
    }

    /// What was found.
    pub(super) fn found(self) -> Vec<Smoke> {
        let smoke = |asked: Asked| Smoke {
            release: asked.release,
            source: asked.source,
            sql: asked.sql,
            outcome: asked.found.unwrap_or(Outcome::Fits),
        };
        self.list.into_iter().map(smoke).collect()
    }
}

/// "Cached plan must not change result type".
const CHANGED: &str = "0A000";

/// Prepares a query under a name, and gives what looks at its plan without running it. None where the server prepares no such thing.
async fn prepare(session: &mut Connection, at: usize, sql: &str) -> Result<Option<String>, DatabaseError> {
    if session.run(&format!("PREPARE bascule_{at} AS {sql}")).await.is_err() {
        return Ok(None);
    }
    let count =
        "SELECT COALESCE(array_length(parameter_types, 1), 0) FROM pg_prepared_statements WHERE name = ";
    let count = session.value(&format!("{count}'bascule_{at}'")).await?;
    let count: usize = count.and_then(|count| count.parse().ok()).unwrap_or_default();
    let values = vec!["NULL"; count].join(", ");
    let values = if count == 0 { String::new() } else { format!("({values})") };
    Ok(Some(format!("EXPLAIN EXECUTE bascule_{at}{values}")))
}

/// The most frequent queries of a database, where its server counts them.
pub(super) async fn counted(database: &mut Connection, most: u32) -> Result<Vec<String>, Error> {
    if most == 0 || database.dialect() != Dialect::Postgres {
        return Ok(Vec::new());
    }
    let schema = "SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace \
        WHERE e.extname = 'pg_stat_statements'";
    let schema = database.value(schema).await;
    let schema = schema.map_err(|source| Error::Query { doing: "looking for counted queries", source })?;
    let Some(schema) = schema else { return Ok(Vec::new()) };
    let queries = format!(
        "SELECT query FROM {schema}.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
         WHERE d.datname = current_database() AND query ~* '^\\s*(select|insert|update|delete|with|merge)\\y' \
         AND query !~* 'pg_catalog|pg_stat|information_schema|bascule' GROUP BY query ORDER BY sum(calls) DESC, query LIMIT {most}"
    );
    // The extension may be there without its library, or closed to this role: then nothing is counted for us.
    let rows = database.rows(&queries).await.unwrap_or_default();
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}
