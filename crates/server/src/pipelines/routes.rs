//! The routes of pipelines.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bascule_engine::engine::RunIds as _;
use bascule_instances::durable::{self, Access};
use bascule_model::problem::{Code, Problem};
use bascule_pipeline::folder::RunFolder;
use bascule_pipeline::plan::Plan;
use bascule_pipeline::read_log;
use bascule_pipeline::state::State as RunState;
use serde::Deserialize;

use super::api::{BeginPipeline, JobLog, PipelineReport, PipelineStarted, PipelineSummary};
use super::follow;
use crate::api::{AbortRequest, ArtifactMade, WishRequest};
use crate::control::Control;
use crate::routes::Refusal;
use crate::system::TimedIds;

type Shared = State<Arc<Control>>;
type Answer<T> = Result<Json<T>, Refusal>;

/// The routes of pipelines, and that of artifacts that no deploy makes.
pub(crate) fn router() -> Router<Arc<Control>> {
    Router::new()
        .route("/v1/artifact", post(artifact))
        .route("/v1/pipelines", post(begin).get(list))
        .route("/v1/pipelines/{run}", get(report))
        .route("/v1/pipelines/{run}/follow", get(follow_run))
        .route("/v1/pipelines/{run}/abort", post(abort))
        .route("/v1/pipelines/{run}/logs/{job}", get(logs))
}

async fn artifact(State(control): Shared, Json(wish): Json<WishRequest>) -> Answer<ArtifactMade> {
    let ports = control.engine.ports();
    let wish = wish.into_wish(ports.vault.as_ref(), ports.clock.now());
    Ok(Json(ArtifactMade { artifact: control.engine.make_artifact(&wish).await? }))
}

async fn begin(State(control): Shared, Json(request): Json<BeginPipeline>) -> Answer<PipelineStarted> {
    let ports = control.engine.ports();
    let name = TimedIds.next();
    let run = name.as_str().replacen("run-", "ship-", 1);
    let plan = Plan { run: run.clone(), began_at: ports.clock.now(), ..request.plan };
    control.pipelines.begin(&plan, &request.private, ports.vault.as_ref())?;
    Ok(Json(PipelineStarted { run }))
}

async fn list(State(control): Shared) -> Answer<Vec<PipelineSummary>> {
    let runs = control.pipelines.runs().map_err(Problem::from)?;
    let mut all = Vec::new();
    for run in runs.iter().rev() {
        let folder = control.pipelines.folder(run);
        // One that was cut off while it was written down was never begun; one that is damaged says so when it is asked for.
        let Ok((plan, state)) = read(&folder) else { continue };
        all.push(PipelineSummary {
            stages: plan.stages.iter().map(|stage| stage.name.clone()).collect(),
            actor: plan.actor.clone(),
            record: state.record(&plan),
            problem: state.failure,
        });
    }
    Ok(Json(all))
}

async fn report(State(control): Shared, Path(run): Path<String>) -> Answer<PipelineReport> {
    let folder = known(&control, &run)?;
    let (plan, state) = read(&folder)?;
    let events = read_log(&folder.events()).map_err(Problem::from)?;
    Ok(Json(PipelineReport { record: state.record(&plan), plan, state, events }))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn follow_run(
    State(control): Shared,
    Path(run): Path<String>,
    Query(After { after }): Query<After>,
) -> Result<Response, Refusal> {
    let folder = known(&control, &run)?;
    let (plan, _) = read(&folder)?;
    let body = follow::stream_of(control, folder, plan, after);
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

async fn abort(
    State(control): Shared,
    Path(run): Path<String>,
    Json(request): Json<AbortRequest>,
) -> Answer<PipelineStarted> {
    let folder = known(&control, &run)?;
    if !folder.active().exists() {
        return Err(Problem::new(
            Code::RunNotThere,
            format!("{run} is over"),
            format!("`bascule pipeline show {run}` says how it ended"),
        )
        .into());
    }
    durable::durable(&folder.abort(), request.actor.as_bytes(), Access::Private)
        .map_err(|error| error.problem())?;
    Ok(Json(PipelineStarted { run }))
}

#[derive(Deserialize)]
struct OfStage {
    stage: Option<String>,
}

async fn logs(
    State(control): Shared,
    Path((run, job)): Path<(String, String)>,
    Query(OfStage { stage }): Query<OfStage>,
) -> Answer<Vec<JobLog>> {
    let folder = known(&control, &run)?;
    let (plan, state) = read(&folder)?;
    let mut logs = Vec::new();
    let mut is_known = false;
    for of_plan in plan.stages.iter().filter(|it| stage.as_ref().is_none_or(|stage| it.name == *stage)) {
        if !of_plan.jobs().iter().any(|one| one.name == job) {
            continue;
        }
        is_known = true;
        for attempt in 1..=state.job_of(&of_plan.name, &job).begun {
            let bytes = durable::read_if_there(&folder.job_log(&of_plan.name, &job, attempt))
                .map_err(|error| error.problem())?;
            let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
            logs.push(JobLog { stage: of_plan.name.clone(), job: job.clone(), attempt, text });
        }
    }
    if is_known {
        return Ok(Json(logs));
    }
    Err(Problem::new(
        Code::PipelineUnknown,
        format!("{run} has no job {job}"),
        format!("`bascule pipeline show {run}` lists its jobs"),
    )
    .into())
}

fn read(folder: &RunFolder) -> Result<(Plan, RunState), Problem> {
    let plan = folder.read_plan().map_err(Problem::from)?;
    let mut state = RunState::default();
    for recorded in read_log(&folder.events()).map_err(Problem::from)? {
        state.on(recorded.at, &recorded.event);
    }
    Ok((plan, state))
}

/// The folder of a run. A name that is none leads nowhere else.
fn known(control: &Control, run: &str) -> Result<RunFolder, Problem> {
    let runs = control.pipelines.runs().map_err(Problem::from)?;
    if runs.iter().any(|known| known == run) {
        return Ok(control.pipelines.folder(run));
    }
    Err(bascule_pipeline::PipelineError::Unknown(run.to_owned()).into())
}
