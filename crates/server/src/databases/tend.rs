//! What is due in a database without a run: rows that only the contract waits for, drops whose time is over, scheduled backups.

use bascule_migrations::Gate;
use bascule_model::problem::Problem;
use bascule_model::run::Evidence;

use super::backups::Backups;
use super::session::Session;
use super::{contract, fill};

pub(super) async fn tend(session: &Session<'_>, backups: &Backups) -> Result<Vec<String>, Problem> {
    let mut said = Vec::new();
    let filled = fill::fill(session, Gate::Contract).await?;
    if filled.get("filled").and_then(Evidence::as_array).is_some_and(|list| !list.is_empty()) {
        said.extend(filled.get("sentence").and_then(Evidence::as_str).map(str::to_owned));
    }
    said.extend(backups.by_schedule(session).await?);
    let verified = backups.last_verified(session).await?;
    said.extend(contract::drop_due(session, verified.as_ref()).await?);
    Ok(said)
}
