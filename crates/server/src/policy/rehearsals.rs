//! Rehearsals: what was rehearsed is asked of the journal, and not believed.

use bascule_engine::engine::Engine;
use bascule_journal::RunRecord;
use bascule_model::plan::RunKind;
use bascule_model::problem::{Code, Problem};
use bascule_model::rehearsal::{Rehearsal, RehearsedRun};
use bascule_model::run::Outcome;

use super::evidence;
use crate::api::RehearsalRequest;
use crate::control::Control;

/// Keeps a rehearsal as evidence, if its runs are what it has to be made of.
///
/// # Errors
/// `REHEARSAL_REFUSED` when they are not, or requests were lost.
pub(crate) async fn keep(control: &Control, request: RehearsalRequest) -> Result<Rehearsal, Problem> {
    let environment = &request.key.environment;
    let refused = |why: String| {
        Problem::new(Code::RehearsalRefused, why, format!("`bascule rehearse {environment}` makes one anew"))
    };
    let mut records = Vec::new();
    for run in &request.runs {
        let record = control.engine.journal().run(run).await?;
        let record = record.filter(|record| record.plan.key == request.key);
        records.push(record.ok_or_else(|| refused(format!("{environment} has no run {run}")))?);
    }
    if let Some(record) = records.iter().find(|record| record.state.outcome != Some(Outcome::Live)) {
        return Err(refused(format!("{} did not go live", record.id)));
    }
    let kinds: Vec<RunKind> = records.iter().map(|record| record.plan.kind).collect();
    if !kinds.ends_with(&[RunKind::Deploy, RunKind::Rollback, RunKind::Deploy]) {
        return Err(refused("a rehearsal is a deploy, a rollback and a deploy".to_owned()));
    }
    let (first, last) = (records.len() - 3, records.len() - 1);
    let artifact = artifact(&control.engine, &records[last]).await?;
    if self::artifact(&control.engine, &records[first]).await? != artifact || artifact.is_empty() {
        return Err(refused("it was not the same artifact that was deployed again".to_owned()));
    }
    if request.lost > 0 || request.requests == 0 {
        return Err(refused(format!(
            "{} of {} requests were lost: {}",
            request.lost,
            request.requests,
            if request.why.is_empty() { "nothing was asked" } else { request.why.as_str() }
        )));
    }
    let rehearsal = Rehearsal {
        app: request.key.app.clone(),
        artifact,
        environment: environment.clone(),
        runs: records.iter().map(rehearsed).collect(),
        requests: request.requests,
        lost: request.lost,
        began_at: records[0].created_at,
        ended_at: records[last].finished_at.unwrap_or(records[last].created_at),
        actor: request.actor,
    };
    evidence::keep(&control.state, &rehearsal)?;
    Ok(rehearsal)
}

/// The artifact that a run brought live.
async fn artifact(engine: &Engine, run: &RunRecord) -> Result<String, Problem> {
    let Some(release) = &run.plan.release else { return Ok(String::new()) };
    let record = engine.journal().release(&run.plan.key, release).await?;
    Ok(record.map(|record| record.release.artifact).unwrap_or_default())
}

fn rehearsed(run: &RunRecord) -> RehearsedRun {
    let took = run.finished_at.map_or(0, |end| end.as_millisecond() - run.created_at.as_millisecond());
    RehearsedRun {
        run: run.id.clone(),
        kind: run.plan.kind,
        release: run.plan.release.clone().unwrap_or_else(|| bascule_model::ids::ReleaseId::from_text("")),
        steps: run.plan.steps.iter().map(|step| step.name.clone()).collect(),
        took_ms: u64::try_from(took).unwrap_or(0),
    }
}
