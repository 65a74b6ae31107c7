//! How a run ended, in one line. Pure.

use bascule_journal::{Recorded, RunRecord};
use bascule_model::ids::ReleaseId;
use bascule_model::problem::Problem;
use bascule_model::run::{Event, Next, Outcome};

use crate::api::{OutcomeLine, OutcomeTag};

/// The outcome of a run that is over or waits for a person; none while it goes on. `live` is who has the traffic now.
#[must_use]
pub fn of(run: &RunRecord, events: &[Recorded], live: Option<ReleaseId>) -> Option<OutcomeLine> {
    let outcome = match (run.state.outcome, run.state.next()) {
        (Some(outcome), _) => outcome,
        (None, Next::AwaitPerson) => Outcome::Stuck,
        (None, _) => return None,
    };
    let error = match outcome {
        Outcome::Live => None,
        Outcome::Stuck => Some(stuck(run)),
        Outcome::Refused | Outcome::RolledBack | Outcome::Failed => run.state.cause.clone(),
    };
    Some(OutcomeLine {
        kind: OutcomeTag::Outcome,
        outcome,
        app: run.plan.key.app.clone(),
        environment: run.plan.key.environment.clone(),
        run_kind: run.plan.kind,
        release: run.plan.release.clone(),
        live_release: live,
        run: run.id.clone(),
        switch_ms: switch_ms(events),
        bake: bake_sentence(events),
        error,
    })
}

/// How a run ended here that another control plane has taken over.
#[must_use]
pub fn elsewhere(run: &RunRecord, problem: Problem) -> OutcomeLine {
    OutcomeLine {
        kind: OutcomeTag::Outcome,
        outcome: Outcome::Stuck,
        app: run.plan.key.app.clone(),
        environment: run.plan.key.environment.clone(),
        run_kind: run.plan.kind,
        release: run.plan.release.clone(),
        live_release: None,
        run: run.id.clone(),
        switch_ms: None,
        bake: None,
        error: Some(problem),
    }
}

fn stuck(run: &RunRecord) -> Problem {
    let why = run.state.stuck.as_ref().or(run.state.cause.as_ref());
    Problem::new(
        bascule_model::problem::Code::Stuck,
        format!(
            "{} could not be undone: {}",
            run.id,
            why.map_or("no reason was recorded", |why| &why.message)
        ),
        format!(
            "`bascule run show {0}` says what is left; then `bascule resolve {0} --retry-undo`, or `bascule resolve {0} --abandon --reason \"…\"`",
            run.id
        ),
    )
}

fn done<'a>(events: &'a [Recorded], name: &str) -> Option<&'a serde_json::Value> {
    events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::StepDone { step, evidence, .. } | Event::StepFailed { step, evidence, .. } if step == name => {
            Some(evidence)
        }
        _ => None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a switch takes far less than 2^52 µs")]
fn switch_ms(events: &[Recorded]) -> Option<f64> {
    let micros = done(events, "switch")?.get("micros")?.as_u64()?;
    Some(micros as f64 / 1000.0)
}

fn bake_sentence(events: &[Recorded]) -> Option<String> {
    Some(done(events, "bake")?.get("sentence")?.as_str()?.to_owned())
}
