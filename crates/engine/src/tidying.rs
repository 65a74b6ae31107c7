//! The run that nobody asked for: what stands beside the live release without a window is retired by itself. Whoever deploys or rolls
//! back in just that moment waits for its end, and is not told to come back after a run that is none of theirs.

use std::time::Duration;

use bascule_journal::{Journal, RunRecord};
use bascule_model::ids::EnvironmentKey;
use bascule_model::plan::RunKind;
use bascule_model::problem::Problem;
use bascule_model::run::Next;

use crate::ports::Clock;

const LOOK: Duration = Duration::from_millis(100);
/// A drain and a stop are over sooner, as manifests have them; whoever waits longer is told what is in the way.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether that is all that an environment is held by.
pub(crate) async fn holds(journal: &dyn Journal, key: &EnvironmentKey) -> Result<bool, Problem> {
    Ok(journal.active(key).await?.as_ref().is_some_and(is_tidying))
}

/// Waits for its end, where an environment is held by it.
pub(crate) async fn let_it_end(
    journal: &dyn Journal,
    clock: &dyn Clock,
    key: &EnvironmentKey,
) -> Result<(), Problem> {
    let until = clock.elapsed() + PATIENCE;
    while clock.elapsed() < until && holds(journal, key).await? {
        clock.sleep(LOOK).await;
    }
    Ok(())
}

/// One that waits for a person ends with that person alone.
fn is_tidying(run: &RunRecord) -> bool {
    run.plan.kind == RunKind::Retire && run.state.next() != Next::AwaitPerson
}
