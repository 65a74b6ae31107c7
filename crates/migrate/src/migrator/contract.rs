//! What a contract waits for.

use bascule_migrations::{Part, Phase, Version};

use super::session::Session;
use crate::error::Error;
use crate::journal::{StepPhase, StepState, table};

impl Session<'_> {
    /// Whether every backfill of a migration is done: as plain statements, or in batches.
    pub(super) async fn filled(&mut self, version: &Version, parts: &[Part]) -> Result<bool, Error> {
        let backfills = parts.iter().filter(|part| part.phase() == Phase::Backfill).count();
        let journal = self.journal().await?;
        let attempt = journal.find(version).map_or(1, |record| record.attempt);
        let steps = self.steps(version, attempt, StepPhase::Backfill).await?;
        if steps.iter().filter(|step| step.state == StepState::Done).count() == backfills {
            return Ok(true);
        }
        let sql = format!(
            "SELECT part FROM {} WHERE version = {} AND (state = 'abandoned' OR state = 'done' AND bad_rows = '[]')",
            table(self.connection.dialect(), "backfill"),
            self.connection.literal(&version.0),
        );
        // Where no backfill was ever begun, there is no such table.
        let rows = self.connection.rows(&sql).await.unwrap_or_default();
        let done: Vec<usize> =
            rows.into_iter().flatten().flatten().filter_map(|part| part.parse().ok()).collect();
        Ok(parts
            .iter()
            .enumerate()
            .filter(|(_, part)| matches!(part, Part::Backfill(_)))
            .all(|(at, _)| done.contains(&at)))
    }

    /// Refuses a contract that needs rows which are not filled in.
    pub(super) async fn may_contract(&mut self, version: &Version, parts: &[Part]) -> Result<(), Error> {
        if !parts.iter().any(|part| part.phase() == Phase::Backfill) || self.filled(version, parts).await? {
            return Ok(());
        }
        Err(Error::ContractWaits {
            version: version.0.clone(),
            why: "its backfill is not done (`bascule migrate backfill`)".to_owned(),
        })
    }
}
