//! What commands that make a run have in common: follow it, say how it ended, and give the exit status that says the same.
//! Also when no run came to be: the last line of JSON is an outcome in any case.

use bascule_model::ids::{AppName, EnvironmentKey, EnvironmentName, ReleaseId, RunId};
use bascule_model::plan::RunKind;
use bascule_model::problem::{Exit, Problem};
use bascule_model::run::Outcome;
use bascule_server::api::{OutcomeLine, OutcomeTag, RunReport, Started};
use serde::Serialize;

use crate::context::Context;
use crate::control_plane::ControlPlane;
use crate::failure::Failure;
use crate::key;
use crate::query::encoded;
use crate::screen::Format;
use crate::view::{self, Now};
use crate::watch::{Display, follow};

/// Has a run made and follows it to its end. `prepared` is what needs no control plane (none is started when that fails
/// already); `begin` has the run made. Gives the exit status of the outcome.
///
/// # Errors
/// When no run came to be and that is not said as an outcome, and when a run could not be followed.
pub async fn carry_out<T>(
    context: &Context,
    wanted: &Unbegun<'_>,
    prepared: Result<T, Failure>,
    begin: impl AsyncFnOnce(&ControlPlane<'_>, T) -> Result<Started, Failure>,
) -> Result<u8, Failure> {
    let reached = match prepared {
        Ok(prepared) => ControlPlane::reach(context).await.map(|it| (it, prepared)).map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    let (control_plane, prepared) = match reached {
        Ok(reached) => reached,
        Err(failure) => return refused(context, None, wanted, failure).await,
    };
    match begin(&control_plane, prepared).await {
        Ok(started) => Ok(status(&followed(context, &control_plane, &started).await?)),
        Err(failure) => refused(context, Some(&control_plane), wanted, failure).await,
    }
}

/// Follows a run that was begun, and shows how it ended.
///
/// # Errors
/// When it could not be followed to its end.
pub async fn followed(
    context: &Context,
    control_plane: &ControlPlane<'_>,
    started: &Started,
) -> Result<OutcomeLine, Failure> {
    let mut display = Display::new(context.screen);
    if context.screen.format == Format::Text
        && let Ok(report) = report(control_plane, &started.run).await
    {
        context.screen.note(&format!("{} {}", report.run, purpose(&report)));
        display.plan(&report.plan);
    }
    let outcome = follow(control_plane, &started.run, &mut display).await?;
    show(context, control_plane, &outcome).await?;
    Ok(outcome)
}

/// The report of a run.
///
/// # Errors
/// Those of the control plane.
pub async fn report(control_plane: &ControlPlane<'_>, run: &RunId) -> Result<RunReport, Problem> {
    control_plane.get(&format!("/v1/runs/{}", encoded(run.as_str()))).await
}

fn purpose(report: &RunReport) -> String {
    let key = &report.plan.key;
    let place = format!("{} of {}", key.environment, key.app);
    let release = report.plan.release.as_ref().map_or("a release", |release| release.as_str());
    match report.plan.kind {
        RunKind::Deploy => format!("deploys {release} to {place}"),
        RunKind::Rollback => format!("brings {release} back to {place}"),
        RunKind::Retire => format!("retires {release} of {place}"),
        RunKind::Contract => format!("takes out of the database of {place} what no release needs any more"),
        RunKind::Revert => format!("takes back what {release} did to the database of {place}"),
        RunKind::Undrop => format!("brings back what was dropped softly from the database of {place}"),
        RunKind::Down => format!("stops everything of {place}"),
    }
}

async fn show(
    context: &Context,
    control_plane: &ControlPlane<'_>,
    outcome: &OutcomeLine,
) -> Result<(), Failure> {
    if context.screen.format == Format::Json {
        return context.screen.json(outcome);
    }
    let key = EnvironmentKey { app: outcome.app.clone(), environment: outcome.environment.clone() };
    // Without it the block is shorter; the outcome is the same.
    let status = key::status(control_plane, &key).await.ok();
    context.screen.out(&view::outcome(outcome, status.as_ref(), &now(context)))?;
    if let Some(error) = &outcome.error {
        context.screen.note(&view::problem(error));
    }
    Ok(())
}

/// The time and the zone that times are shown in.
pub fn now(context: &Context) -> Now {
    Now { at: context.machine.now(), zone: context.machine.zone() }
}

/// The exit status of a command whose run ended so.
pub fn status(outcome: &OutcomeLine) -> u8 {
    let refused = outcome.error.as_ref().map(|error| error.code.exit());
    let exit = match outcome.outcome {
        Outcome::Live => Exit::Done,
        Outcome::RolledBack => Exit::RolledBack,
        Outcome::Stuck => Exit::Stuck,
        Outcome::Failed => Exit::Temporary,
        Outcome::Refused => match refused {
            Some(exit @ (Exit::Usage | Exit::Stale | Exit::Temporary)) => exit,
            _ => Exit::Refused,
        },
    };
    exit.status()
}

/// What was wanted by a command that never got a run.
pub struct Unbegun<'a> {
    /// The app, where it is known.
    pub app: Option<AppName>,
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// What for.
    pub kind: RunKind,
}

/// The last line of such a command.
#[derive(Serialize)]
struct RefusedLine<'a> {
    #[serde(rename = "type")]
    kind: OutcomeTag,
    outcome: Outcome,
    app: Option<&'a AppName>,
    environment: &'a EnvironmentName,
    run_kind: RunKind,
    release: Option<ReleaseId>,
    live_release: Option<ReleaseId>,
    run: Option<RunId>,
    switch_ms: Option<f64>,
    error: Problem,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<bascule_model::manifest::DiagnosticRecord<'a>>,
}

/// Says a failure before there was a run, as the outcome `refused`, and gives the exit status. What is no refusal
/// (a reader that went away), and what is for a person, is passed on.
async fn refused(
    context: &Context,
    control_plane: Option<&ControlPlane<'_>>,
    wanted: &Unbegun<'_>,
    failure: Failure,
) -> Result<u8, Failure> {
    if context.screen.format == Format::Text || !matches!(failure, Failure::Problem(_) | Failure::Manifest(_))
    {
        return Err(failure);
    }
    failure.say(&context.screen);
    let diagnostics = match &failure {
        Failure::Manifest(diagnostics) => diagnostics.records(),
        _ => Vec::new(),
    };
    let live_release = match (&wanted.app, control_plane) {
        (Some(app), Some(control_plane)) => live(control_plane, app, wanted.environment).await,
        _ => None,
    };
    context.screen.json(&RefusedLine {
        kind: OutcomeTag::Outcome,
        outcome: Outcome::Refused,
        app: wanted.app.as_ref(),
        environment: wanted.environment,
        run_kind: wanted.kind,
        release: None,
        live_release,
        run: None,
        switch_ms: None,
        error: failure.problem(),
        diagnostics,
    })?;
    Ok(failure.status())
}

async fn live(
    control_plane: &ControlPlane<'_>,
    app: &AppName,
    environment: &EnvironmentName,
) -> Option<ReleaseId> {
    let key = EnvironmentKey { app: app.clone(), environment: environment.clone() };
    key::status(control_plane, &key).await.ok()?.live.map(|live| live.release)
}
