//! Rows that are filled in, in batches: before the switch as a step, what only the contract waits for without a run.

use bascule_migrate::backfill::{self, Id, Options, Outcome, Report, State};
use bascule_migrate::{Connection, Migrator};
use bascule_migrations::{Backfill, Gate, Part};
use bascule_model::problem::{Code, Problem};
use bascule_model::run::Evidence;
use bascule_model::schema::SchemaOrder;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::session::Session;
use super::{checks, count, problem};

/// Fills in what waits behind a gate. What is done already costs one question.
pub(super) async fn fill(session: &Session<'_>, gate: Gate) -> Result<Evidence, Problem> {
    if session.schema.order == SchemaOrder::Files {
        return Ok(json!({ "sentence": "the database was new: rows were filled in with the migrations" }));
    }
    let tries = if session.migrating.run.is_some() { Tries::Again } else { Tries::NoMore };
    let mut filled = Vec::new();
    for (id, backfill) in open(session, gate).await? {
        let mut connection = session.connect("backfill").await?;
        backfill::ensure(&mut connection).await.map_err(|error| failed(&error))?;
        enter(&mut connection, &id, backfill, tries).await.map_err(|error| problem::fill(&error))?;
        let options = Options::of(connection.dialect());
        let stop = CancellationToken::new();
        let owner = session.migrating.run.map_or("bascule", |run| run.as_str());
        let mut done = 0;
        let outcome = backfill::run(&mut connection, &id, owner, &options, &stop, |report| {
            if let Report::Progress(progress) = &report {
                done = progress.done;
            }
            (session.migrating.note)(words(&id, &report));
        })
        .await
        .map_err(|error| problem::fill(&error))?;
        connection.close().await;
        judge(&id, outcome)?;
        filled.push(json!({ "backfill": id.to_string(), "rows": done }));
    }
    if gate == Gate::Switch {
        checks::hold(session).await?;
    }
    let sentence = match filled.len() {
        0 => "every row was filled in already".to_owned(),
        _ => format!("{} filled in", count(filled.len(), "backfill")),
    };
    Ok(json!({ "sentence": sentence, "filled": filled }))
}

/// The backfills of migrations that are applied and not contracted, which are not done.
async fn open<'a>(session: &'a Session<'_>, gate: Gate) -> Result<Vec<(Id, &'a Backfill)>, Problem> {
    let of = |id: &Id| {
        let migration = session.set.iter().find(|migration| migration.version == id.version)?;
        match migration.parts.get(usize::try_from(id.part).ok()?)? {
            Part::Backfill(backfill) => Some(backfill),
            Part::Expand { .. } | Part::Contract { .. } => None,
        }
    };
    session
        .with(async |mut migrator: Migrator| {
            let ids = migrator.open_backfills(&session.set, gate).await;
            let ids = ids.map_err(|error| problem::migrate(&error))?;
            migrator.close().await;
            Ok(ids.into_iter().filter_map(|id| Some((id.clone(), of(&id)?))).collect())
        })
        .await
}

/// Enters it, and has one that needed a person tried again when somebody began a run since.
async fn enter(
    connection: &mut Connection,
    id: &Id,
    backfill: &Backfill,
    tries: Tries,
) -> Result<(), backfill::Error> {
    let known = backfill::define(connection, id, backfill).await?;
    let gave_up = match known.state {
        State::Failed => true,
        State::Done => !known.bad_rows.is_empty(),
        State::Pending | State::Running | State::Paused | State::Abandoned => false,
    };
    if gave_up && tries == Tries::Again { backfill::resume(connection, id).await } else { Ok(()) }
}

/// What becomes of one that needed a person.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tries {
    /// Somebody began a run: it may be mended.
    Again,
    /// Nobody has looked at it since.
    NoMore,
}

fn failed(error: &bascule_migrate::DatabaseError) -> Problem {
    Problem::new(
        Code::DatabaseUnavailable,
        format!("preparing a backfill failed: {error}"),
        "see what the server says, then begin again",
    )
}

fn judge(id: &Id, outcome: Outcome) -> Result<(), Problem> {
    let (what, remedy) = match outcome {
        Outcome::Done { bad_rows } if bad_rows.is_empty() => return Ok(()),
        Outcome::Done { bad_rows } => (
            format!("{} refused by the database", count(bad_rows.len(), "row")),
            "`bascule migrate backfill` lists them; mend them, then deploy again".to_owned(),
        ),
        Outcome::Abandoned => return Ok(()),
        Outcome::Stopped => ("stopped".to_owned(), "begin again: it goes on where it was".to_owned()),
        Outcome::Paused => (
            "paused by a person".to_owned(),
            format!("`bascule migrate backfill --resume {id}`, then begin again"),
        ),
        Outcome::Failed { error, .. } => (error, "mend what it says, then deploy again".to_owned()),
    };
    Err(Problem::new(
        Code::MigrationFailed,
        format!("the backfill {id} did not come to its end: {what}"),
        remedy,
    ))
}

fn words(id: &Id, report: &Report) -> String {
    match report {
        Report::Progress(progress) => {
            let of = progress.estimate.map(|all| format!(" of about {all}")).unwrap_or_default();
            let left = progress.left().map(|left| format!(", {} s left", left.as_secs())).unwrap_or_default();
            format!("{id}: {} rows{of}, {:.0} a second{left}", progress.done, progress.rate)
        }
        Report::Waiting(waiting) => format!("{id}: gives way: {waiting}"),
        Report::BadRow(row) => format!("{id}: a row was put aside: {}", row.error),
    }
}
