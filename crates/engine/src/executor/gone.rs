//! The end of a run whose environment somebody else has taken over and down: nothing of what it made is left to undo.

use bascule_model::ids::Generation;
use bascule_model::problem::Problem;
use bascule_model::run::{Event, Next};
use serde_json::json;

use super::Drive;

const WHY: &str = "the environment was taken down by whoever took it over";

impl Drive {
    /// Ends the run by what is known of it alone: all that it made is gone, with everything else of its environment.
    pub(crate) async fn end_as_gone(
        &mut self,
        home: Option<String>,
        by: &str,
    ) -> Result<Generation, Problem> {
        self.mirror = self.mirror.nowhere();
        // Until it is over, nobody here is to go on with it.
        self.environment.home = home;
        loop {
            let state = &self.run.state;
            let written = match state.next() {
                Next::Ended => return Ok(self.lease.generation),
                Next::Undo { step, attempt } => {
                    let step = state.steps[step].name.clone();
                    let evidence = json!({ "gone": WHY });
                    let done = Event::UndoDone { step: step.clone(), attempt, evidence };
                    self.record([Event::UndoStarted { step, attempt }, done]).await
                }
                Next::AwaitPerson => {
                    let reason = WHY.to_owned();
                    self.record([Event::Abandoned { by: by.to_owned(), reason }]).await
                }
                Next::Finish(outcome) if state.cause.is_some() || state.abandoned => {
                    self.record([Event::Finished { outcome }]).await
                }
                _ => self.record([Event::AbortRequested { by: by.to_owned() }]).await,
            };
            written.map_err(|stop| self.undecided(stop))?;
        }
    }
}
