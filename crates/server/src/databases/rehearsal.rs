//! Migrations tried on a copy before anything is done to the real database.

use bascule_migrate::Migrator;
use bascule_migrate::rehearse::{
    self, Down, Order, Outcome, Place, ROWS_UP_TO, Rehearsal, Rehearsed, Release, Request, Rows,
};
use bascule_migrate::tools::Tools;
use bascule_migrations::Migration;
use bascule_model::problem::{Code, Problem};
use bascule_model::run::Evidence;
use bascule_model::schema::SchemaOrder;
use serde_json::json;

use super::session::Session;
use super::verdict::{self, Verdicts};
use super::{count, expand, problem};

/// So many of the most frequent statements that the server has counted are asked for the live release.
const COUNTED: u32 = 50;

pub(super) async fn rehearse(
    session: &Session<'_>,
    tools: &Tools,
    state: &std::path::Path,
) -> Result<Evidence, Problem> {
    let pending = pending(session).await?;
    let place = match &session.access.shadow_url {
        Some(url) => Place::At(session.reach(url).await?),
        None => Place::Own,
    };
    let live = session.migrating.live.and_then(|live| live.schema.as_ref());
    let request = Request {
        database: &session.address,
        pending: &pending,
        order: match session.schema.order {
            SchemaOrder::Phases => Order::Phases,
            SchemaOrder::Files => Order::Files,
        },
        place,
        rows_up_to: ROWS_UP_TO,
        live: live.map(|schema| schema.policy.smoke.as_slice()).unwrap_or_default(),
        next: &session.schema.policy.smoke,
        counted: if live.is_some() { COUNTED } else { 0 },
        tools,
    };
    let rehearsal = rehearse::rehearse(&request).await.map_err(|error| problem::rehearsal(&error))?;
    Verdicts::of(&rehearsal).keep(state, &session.schema.set)?;
    judge(&rehearsal)?;
    Ok(evidence(&rehearsal))
}

async fn pending(session: &Session<'_>) -> Result<Vec<Migration>, Problem> {
    session
        .with(async |mut migrator: Migrator| {
            let plan = migrator.plan(&session.set, &expand::wish(session.schema.order)).await;
            let versions = plan.map_err(|error| problem::migrate(&error))?.versions;
            migrator.close().await;
            Ok(session.set.iter().filter(|one| versions.contains(&one.version)).cloned().collect())
        })
        .await
}

/// Refuses what would fail, or break a release.
pub fn judge(rehearsal: &Rehearsal) -> Result<(), Problem> {
    let remedy = "mend the migration; nothing was done to the database";
    let refused = |message: String| Err(Problem::new(Code::RehearsalFailed, message, remedy));
    let breaks = |message: String| Err(Problem::new(Code::QueryBreaks, message, remedy));
    for migration in &rehearsal.migrations {
        if let Some(failed) = &migration.failed {
            return refused(format!(
                "on a copy, {} fails in line {}: {}",
                title(migration),
                failed.statement.line,
                failed.error
            ));
        }
        if let Some(check) = migration.checks.first() {
            return refused(format!(
                "on a copy, the check of {} in line {} finds {}",
                title(migration),
                check.statement.line,
                check.found
            ));
        }
    }
    for smoke in &rehearsal.smoke {
        let whose = match smoke.release {
            Release::Live => "the live release",
            Release::Next => "the new release",
        };
        match &smoke.outcome {
            Outcome::Breaks { since, error, .. } => {
                let since = since.as_ref().map(|version| format!(" after {version}")).unwrap_or_default();
                return breaks(format!(
                    "on a copy, a query of {whose} breaks{since}: `{}`: {error}",
                    smoke.sql
                ));
            }
            Outcome::PlanBreaks { since, error } if smoke.release == Release::Live => {
                return breaks(format!(
                    "on a copy, a query that the live release has prepared breaks after {since}: `{}`: {error}",
                    smoke.sql
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Version and name, as in the name of its file.
fn title(migration: &Rehearsed) -> String {
    match migration.name.as_str() {
        "" => migration.version.0.clone(),
        name => format!("{}_{name}", migration.version),
    }
}

fn evidence(rehearsal: &Rehearsal) -> Evidence {
    let back: Vec<String> = rehearsal
        .migrations
        .iter()
        .map(|one| {
            let says = match &one.down {
                Down::Restores => "its down restores the schema",
                Down::RestoresWhole => "its down restores the schema together with the contract's part",
                Down::DataOnly => "it changes data alone, which is not taken back",
                Down::Irreversible { .. } => "irreversible",
                Down::NotTried { .. } => "its down was not tried",
            };
            match verdict::why(&one.down) {
                Some(why) => format!("{}: {says}: {why}", one.version),
                None => format!("{}: {says}", one.version),
            }
        })
        .collect();
    let tried = count(rehearsal.migrations.len(), "migration");
    let sentence = match rehearsal.copy.rows {
        Rows::All => format!("{tried} tried on a copy, up, down and up"),
        Rows::None => format!(
            "{tried} tried on a copy without rows ({} MiB; up to {} are copied), up, down and up; {} by rows that it did not see",
            rehearsal.copy.bytes.div_ceil(1 << 20),
            rehearsal.rows_up_to >> 20,
            match rehearsal.untold.len() {
                1 => "1 statement goes".to_owned(),
                more => format!("{more} statements go"),
            }
        ),
    };
    let untold: Vec<String> = rehearsal
        .untold
        .iter()
        .map(|one| format!("{}, line {}: `{}`", one.version, one.statement.line, one.statement.text))
        .collect();
    json!({
        "sentence": sentence,
        "ways_back": back,
        "not_told_without_rows": untold,
        "took_ms": rehearsal.took_ms,
    })
}
