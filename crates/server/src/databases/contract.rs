//! What only former releases needed goes: softly first, for good when its time is over.

use bascule_migrate::contract::{self, Buried, Deed, Event, Policy};
use bascule_migrate::{Contract, Error, Migrator};
use bascule_migrations::Version;
use bascule_model::problem::Problem;
use bascule_model::run::Evidence;
use serde_json::json;

use super::problem;
use super::session::Session;

/// Makes the contracts of the release's migrations that wait. One that waits for rows is left for later.
pub(super) async fn contract(session: &Session<'_>) -> Result<Evidence, Problem> {
    session
        .with(async |mut migrator: Migrator| {
            let journal = migrator.journal().await.map_err(|error| problem::migrate(&error))?;
            let (mut contracted, mut kept, mut waits) = (Vec::new(), Vec::new(), Vec::new());
            let held = session.migrating.held;
            for name in session.schema.contracts.iter().filter(|name| !held.contains(*name)) {
                let version = Version(name.clone());
                let Some(record) = journal.find(&version).filter(|record| record.stands()) else { continue };
                match record.contract {
                    Contract::None => continue,
                    Contract::Done => {
                        contracted.push(name);
                        continue;
                    }
                    Contract::Waiting | Contract::Applying => {}
                }
                match migrator.contract_softly(&version, &policy(session)).await {
                    Ok(gone) => {
                        contracted.push(name);
                        kept.extend(gone.iter().filter_map(words));
                    }
                    Err(Error::ContractWaits { version, why }) => waits.push(format!("{version}: {why}")),
                    Err(error) => return Err(problem::migrate(&error)),
                }
            }
            migrator.close().await;
            Ok(json!({ "contracted": contracted, "kept_under_another_name": kept, "waits": waits }))
        })
        .await
}

fn policy(session: &Session<'_>) -> Policy {
    Policy {
        soft_for: session.schema.policy.soft_drop_for,
        lock_timeout: session.schema.policy.lock_timeout,
        ..Policy::default()
    }
}

fn words(buried: &Buried) -> Option<String> {
    match buried {
        Buried::Softly(tombstone) | Buried::Before(tombstone) => Some(tombstone.words()),
        Buried::AtOnce => None,
    }
}

/// Takes a contract back.
pub(super) async fn undrop(session: &Session<'_>, version: &str) -> Result<Evidence, Problem> {
    session
        .with(async |mut migrator: Migrator| {
            let undropped = migrator.undrop(&Version(version.to_owned()), &policy(session)).await;
            let undropped = undropped.map_err(|error| problem::migrate(&error))?;
            migrator.close().await;
            let back: Vec<String> = undropped.back.iter().map(contract::Tombstone::words).collect();
            Ok(json!({
                "version": version,
                "back": back,
                "filled": undropped.filled,
                "notes": undropped.notes(),
            }))
        })
        .await
}

/// Drops for good what was dropped softly and whose time is over; says what, and what is refused.
pub(super) async fn drop_due(
    session: &Session<'_>,
    backup: Option<&contract::Backup>,
) -> Result<Vec<String>, Problem> {
    let mut connection = session.connect("contract").await?;
    contract::ensure(&mut connection).await.map_err(|error| {
        problem::migrate(&Error::Query { doing: "making the table of tombstones", source: error })
    })?;
    let history = Event {
        version: Version(String::new()),
        deed: Deed::Hard,
        what: None,
        owner: session.owner().to_owned(),
        run: None,
        release: Some(session.migrating.release.id.to_string()),
        at: None,
    };
    let due = contract::due(&mut connection).await.map_err(|error| problem::contract(&error))?;
    let mut said = Vec::new();
    for tombstone in due {
        let event =
            Event { version: tombstone.version.clone(), what: Some(tombstone.words()), ..history.clone() };
        // A definition only stops being kept: nothing goes.
        let also = if tombstone.hard.is_empty() { None } else { Some(event.insert(connection.dialect())) };
        let policy = Policy { also: also.into_iter().collect(), ..policy(session) };
        match contract::drop_hard(&mut connection, &tombstone.id, backup, &policy).await {
            Ok(gone) => said.push(format!("{} is gone for good", gone.words())),
            Err(contract::Error::Refused { what, refusal }) => said.push(format!("{what} stays: {refusal}")),
            Err(error) => return Err(problem::contract(&error)),
        }
    }
    connection.close().await;
    Ok(said)
}
