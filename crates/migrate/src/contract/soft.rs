//! The soft part: something goes to its tombstone, and what brings it back is stored beside it.

use std::time::Duration;

use bascule_migrations::Version;
use bascule_sql::{Dialect, Statement, Transactional, classify};

use super::error::Error;
use super::facts::Facts;
use super::script::{Script, script};
use super::soften::{Burial, SoftStep, soften};
use super::tombstone::{Kind, State, Tombstone, find};
use super::transaction::{self, Policy};
use super::usage::{self, Usage};
use super::{mysql, postgres, schema, sqlite};
use crate::backfill::clock;
use crate::runner::violating;
use crate::{Connection, DatabaseError};

/// How something went.
#[derive(Debug, Clone, PartialEq)]
pub enum Buried {
    /// Softly.
    Softly(Tombstone),
    /// For good, since there was nothing to lose: it was not there, or its table has no rows.
    AtOnce,
    /// It had gone softly before.
    Before(Tombstone),
}

/// Lets something go softly, in whatever transaction the connection is in. Where the server cannot take schema changes back, a run
/// that was cut off is brought to its end by the next.
///
/// # Errors
/// When others need it; what the server says.
pub async fn bury(
    connection: &mut Connection,
    version: &Version,
    burial: &Burial,
    soft_for: Duration,
) -> Result<Buried, Error> {
    let before = find(connection, &burial.id).await?;
    if let Some(found) = before.as_ref().filter(|found| found.state == State::Begun) {
        return go_on(connection, burial, found, soft_for).await;
    }
    if let Some(found) =
        before.as_ref().filter(|found| found.state == State::Soft && burial.kind == Kind::Change)
    {
        return Ok(Buried::Before(found.clone()));
    }
    let facts = look(connection, burial).await?;
    if let Some(found) = before.filter(|found| found.state == State::Soft && !facts.there) {
        return Ok(Buried::Before(found));
    }
    let Some(script) = script(burial, &facts, connection.dialect())? else {
        for (at, drop) in burial.keepers.iter().chain([burial]).enumerate() {
            // Noted as any other statement, so that a run that was cut off behind it does not do it again.
            let id =
                if at == burial.keepers.len() { burial.id.clone() } else { format!("{}{at}", burial.id) };
            let statement = Burial::of_statement(&id, burial.position, &drop.statement);
            Box::pin(bury(connection, version, &statement, soft_for)).await?;
        }
        return Ok(Buried::AtOnce);
    };
    let usage = match burial.kind {
        Kind::Table => usage::measure(connection, burial.name.schema.as_deref(), &burial.name.name).await,
        _ => Usage::default(),
    };
    enter(connection, version, burial, &script, &facts, &usage).await?;
    for (at, statement) in script.run.iter().enumerate() {
        let outcome = run(connection, burial, statement).await;
        if at == 0 && outcome.is_err() {
            // Nothing was done: the next run begins anew.
            forget(connection, burial).await;
        }
        outcome?;
    }
    finish(connection, burial, soft_for).await
}

/// Takes back that something was begun. Where that is a matter of the transaction, it goes with it.
async fn forget(connection: &mut Connection, burial: &Burial) {
    let (table, id) = (schema::table(connection.dialect()), connection.literal(&burial.id));
    let _ = connection.run(&format!("DELETE FROM {table} WHERE id = {id}")).await;
}

/// What was begun is brought to its end with what was stored then; each of its statements may be done already.
async fn go_on(
    connection: &mut Connection,
    burial: &Burial,
    found: &Tombstone,
    soft_for: Duration,
) -> Result<Buried, Error> {
    for statement in &found.run {
        match run(connection, burial, statement).await {
            Err(Error::Query { source, .. }) if done(&source) => {}
            outcome => outcome?,
        }
    }
    finish(connection, burial, soft_for).await
}

/// Whether a statement was done already: what it renames or drops is not there, or what it makes is.
fn done(error: &DatabaseError) -> bool {
    const CODES: [&str; 15] = [
        "1146", "1054", "1360", "1305", "1091", "1051", "1050", "1060", "1061", "1826", "1304", "1359",
        "42704", "42P07", "42710",
    ];
    CODES.iter().any(|code| error.is(code))
}

pub(super) async fn look(connection: &mut Connection, burial: &Burial) -> Result<Facts, Error> {
    if burial.kind == Kind::Change {
        return Ok(Facts { there: true, ..Facts::default() });
    }
    match connection.dialect() {
        Dialect::Postgres => postgres::facts(connection, burial).await,
        Dialect::Mysql => mysql::facts(connection, burial).await,
        Dialect::Sqlite => sqlite::facts(connection, burial).await,
    }
}

async fn run(connection: &mut Connection, burial: &Burial, statement: &str) -> Result<(), Error> {
    let doing = format!("the soft drop of {}", burial.words());
    connection.run(statement).await.map(drop).map_err(Error::query(doing))
}

async fn enter(
    connection: &mut Connection,
    version: &Version,
    burial: &Burial,
    script: &Script,
    facts: &Facts,
    usage: &Usage,
) -> Result<(), Error> {
    let dialect = connection.dialect();
    let table = schema::table(dialect);
    let json = |value: &[String]| serde_json::Value::from(value.to_vec()).to_string();
    let used = serde_json::to_string(usage).map_err(|_| Error::Damaged)?;
    let text = |text: &str| connection.literal(text);
    let optional = |value: Option<&str>| value.map_or_else(|| "NULL".to_owned(), text);
    let values = [
        text(&burial.id),
        text(&version.0),
        burial.position.to_string(),
        text(burial.kind.as_str()),
        text(&burial.name.written),
        optional(burial.part.as_deref()),
        optional(script.renamed.as_deref()),
        text(State::Begun.as_str()),
        text(&burial.statement.text),
        text(&json(&script.run)),
        text(&json(&script.undo)),
        text(&json(&script.hard)),
        facts.rows.map_or_else(|| "NULL".to_owned(), |rows| rows.to_string()),
        text(&used),
        optional(script.note.as_deref()),
        clock::now(dialect).to_owned(),
    ];
    let sql = format!(
        "INSERT INTO {table} (id, version, position, kind, original, part, renamed, state, statement, run_sql, undo_sql, hard_sql, \
         row_count, used, note, begun_at) VALUES ({})",
        values.join(", ")
    );
    let failed = "entering a tombstone";
    let delete = format!("DELETE FROM {table} WHERE id = {}", text(&burial.id));
    connection.run(&delete).await.map_err(Error::query(failed))?;
    connection.run(&sql).await.map(drop).map_err(Error::query(failed))
}

async fn finish(connection: &mut Connection, burial: &Burial, soft_for: Duration) -> Result<Buried, Error> {
    let dialect = connection.dialect();
    let sql = format!(
        "UPDATE {} SET state = '{}', softly_at = {}, hard_after = {} WHERE id = {}",
        schema::table(dialect),
        State::Soft.as_str(),
        clock::now(dialect),
        clock::later(dialect, soft_for.as_secs()),
        connection.literal(&burial.id)
    );
    connection.run(&sql).await.map_err(Error::query("entering a tombstone"))?;
    let found = find(connection, &burial.id).await?;
    found.map(Buried::Softly).ok_or_else(|| Error::Unknown(burial.id.clone()))
}

/// Runs a whole contract softly: all of it in one transaction where the server can, but for statements that may stand in none. Gives
/// what went, in order.
///
/// # Errors
/// The first step that fails; where the server can, those before it were taken back.
pub async fn drop_softly(
    connection: &mut Connection,
    version: &Version,
    statements: &[Statement],
    policy: &Policy,
) -> Result<Vec<Buried>, Error> {
    schema::ensure(connection).await.map_err(Error::query("making the table of tombstones"))?;
    let dialect = connection.dialect();
    let steps = soften(version, statements, dialect)?;
    let mut gone = Vec::new();
    let alone = |step: &&SoftStep| classify(statement_of(step), dialect).transactional == Transactional::No;
    let mut rest = &steps[..];
    while !rest.is_empty() {
        let together = rest.iter().position(|step| alone(&step)).unwrap_or(rest.len());
        if together > 0 {
            let also: &[String] = if together == rest.len() { &policy.also } else { &[] };
            gone.extend(group(connection, version, &rest[..together], policy, also).await?);
        }
        if let Some(step) = rest.get(together) {
            transaction::fence(connection, policy).await?;
            gone.extend(one(connection, version, step, policy).await?);
        }
        rest = rest.get(together + 1..).unwrap_or_default();
    }
    if steps.last().is_none_or(|last| alone(&last)) && !policy.also.is_empty() {
        group(connection, version, &[], policy, &policy.also).await?;
    }
    Ok(gone)
}

fn statement_of(step: &SoftStep) -> &Statement {
    match step {
        SoftStep::Run { statement, .. } => statement,
        SoftStep::Bury(burial) => &burial.statement,
    }
}

async fn group(
    connection: &mut Connection,
    version: &Version,
    steps: &[SoftStep],
    policy: &Policy,
    also: &[String],
) -> Result<Vec<Buried>, Error> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut error = match attempt_once(connection, version, steps, policy, also).await {
            Ok(gone) => return Ok(gone),
            Err(error) => error,
        };
        transaction::rollback(connection).await;
        if !transaction::is_held(&error) {
            if let Error::Query { source, .. } = &mut error {
                name_rows(connection, steps, source).await;
            }
            return Err(error);
        }
        if attempt >= policy.attempts {
            return Err(Error::Locked { what: "the contract".to_owned(), attempts: attempt });
        }
        tokio::time::sleep(policy.pause(attempt)).await;
    }
}

/// Adds the keys of rows that one of the steps cannot be done for.
async fn name_rows(connection: &mut Connection, steps: &[SoftStep], source: &mut DatabaseError) {
    let statements: Vec<Statement> = steps.iter().map(|step| statement_of(step).clone()).collect();
    for at in 0..statements.len() {
        if let Some(rows) = violating::found(connection, &statements, at, source).await {
            source.message.push_str(&format!("; among these rows: {rows}"));
            return;
        }
    }
}

async fn attempt_once(
    connection: &mut Connection,
    version: &Version,
    steps: &[SoftStep],
    policy: &Policy,
    also: &[String],
) -> Result<Vec<Buried>, Error> {
    transaction::begin(connection, policy).await.map_err(Error::query("beginning the contract"))?;
    transaction::fence(connection, policy).await?;
    let mut gone = Vec::new();
    for step in steps {
        gone.extend(one(connection, version, step, policy).await?);
    }
    for statement in also {
        connection.run(statement).await.map_err(Error::query("writing the journal"))?;
    }
    transaction::commit(connection).await.map_err(Error::query("committing the contract"))?;
    Ok(gone)
}

async fn one(
    connection: &mut Connection,
    version: &Version,
    step: &SoftStep,
    policy: &Policy,
) -> Result<Option<Buried>, Error> {
    match step {
        SoftStep::Bury(burial) => {
            let gone = bury(connection, version, burial, policy.soft_for).await?;
            // Of a change, nothing is gone.
            Ok((burial.kind != Kind::Change).then_some(gone))
        }
        SoftStep::Run { id, position, statement, .. } => {
            let burial = Burial::of_statement(id, *position, statement);
            bury(connection, version, &burial, policy.soft_for).await?;
            Ok(None)
        }
    }
}
