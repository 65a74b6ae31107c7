//! Applying and taking back what the live release can live with.

use std::collections::BTreeSet;

use bascule_migrate::{Goal, Migrator, Missing, Phases, Standing, Wish};
use bascule_migrations::Version;
use bascule_model::problem::{Code, Problem};
use bascule_model::run::Evidence;
use bascule_model::schema::SchemaOrder;
use serde_json::json;

use super::problem;
use super::session::Session;
use super::verdict::Verdicts;

/// What is asked of the migrator for a deploy: what a later release applied is borne.
pub(super) fn wish(order: SchemaOrder) -> Wish {
    let phases = match order {
        SchemaOrder::Phases => Phases::Expand,
        SchemaOrder::Files => Phases::Everything,
    };
    Wish { missing: Missing::Borne, ..Wish::new(phases) }
}

pub(super) async fn expand(session: &Session<'_>) -> Result<Evidence, Problem> {
    session
        .with(async |mut migrator: Migrator| {
            let outcome = migrator.up(&session.set, &wish(session.schema.order)).await;
            let outcome = outcome.map_err(|error| problem::migrate(&error))?;
            let mut applied: BTreeSet<String> =
                outcome.applied.iter().map(|one| one.version.0.clone()).collect();
            // What a run that was killed had applied counts as this one's.
            if let Some(run) = session.migrating.run {
                let history = migrator.history().await.map_err(|error| problem::migrate(&error))?;
                let ours = history.into_iter().filter(|one| one.run.as_deref() == Some(run.as_str()));
                applied.extend(ours.map(|one| one.version.0));
            }
            let by_others: Vec<&Version> = outcome.by_others.iter().collect();
            migrator.close().await;
            let mut evidence = json!({ "applied": applied });
            if !by_others.is_empty() {
                evidence["by_other_runners"] = json!(by_others);
            }
            // On a database that nobody lives on, files are applied whole.
            if session.schema.order == SchemaOrder::Files {
                let whole = session.schema.contracts.iter().filter(|version| applied.contains(*version));
                evidence["contracted"] = json!(whole.collect::<Vec<_>>());
            }
            Ok(evidence)
        })
        .await
}

pub(super) async fn expanded(session: &Session<'_>) -> Result<bool, Problem> {
    session
        .with(async |mut migrator: Migrator| {
            let status = migrator.status(&session.set).await.map_err(|error| problem::migrate(&error))?;
            migrator.close().await;
            let ours: BTreeSet<&str> = session.schema.versions.iter().map(String::as_str).collect();
            Ok(status.lines.iter().filter(|line| ours.contains(line.version.0.as_str())).all(|line| {
                !matches!(
                    line.standing,
                    Standing::Pending
                        | Standing::OutOfOrder
                        | Standing::Applying
                        | Standing::Reverting
                        | Standing::Reverted
                )
            }))
        })
        .await
}

pub(super) async fn broken_queries(session: &Session<'_>) -> Result<Vec<String>, Problem> {
    let live = session.migrating.live.and_then(|live| live.schema.as_ref());
    let queries = live.map(|schema| schema.policy.smoke.as_slice()).unwrap_or_default();
    if queries.is_empty() {
        return Ok(Vec::new());
    }
    let mut connection = session.connect("gate").await?;
    let mut broken = Vec::new();
    for query in queries {
        match connection.prepare(query).await {
            Ok(()) => {}
            Err(error) if error.broken() => {
                return Err(Problem::new(
                    Code::DatabaseUnavailable,
                    format!("asking whether a query still fits the schema: {error}"),
                    "see that the database answers, then begin again",
                ));
            }
            Err(error) => broken.push(format!("its query `{query}` fails: {error}")),
        }
    }
    connection.close().await;
    Ok(broken)
}

/// Takes back what the release carries and the live one does not.
pub(super) async fn revert(session: &Session<'_>, verdicts: &Verdicts) -> Result<Evidence, Problem> {
    let kept: BTreeSet<&str> = session
        .migrating
        .live
        .and_then(|live| live.schema.as_ref())
        .map(|schema| schema.versions.iter().map(String::as_str).collect())
        .unwrap_or_default();
    let versions: Vec<Version> = session
        .schema
        .versions
        .iter()
        .filter(|it| !kept.contains(it.as_str()))
        .cloned()
        .map(Version)
        .collect();
    if let Some((version, why)) = versions.iter().find_map(|it| Some((it, verdicts.irreversible(&it.0)?))) {
        return Err(Problem::new(
            Code::MigrationIrreversible,
            format!("{version} cannot be taken back: {why}"),
            "write a migration that goes forward, or restore a backup (`bascule backup list`)",
        ));
    }
    session
        .with(async |mut migrator: Migrator| {
            let reverted = migrator.down(&Goal::These { versions }).await;
            let reverted = reverted.map_err(|error| problem::migrate(&error))?;
            let versions: Vec<&str> = reverted.iter().map(|one| one.version.0.as_str()).collect();
            let evidence = json!({ "reverted": versions });
            migrator.close().await;
            Ok(evidence)
        })
        .await
}
