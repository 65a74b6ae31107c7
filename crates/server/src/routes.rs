//! The routes of the control plane: from HTTP to engine calls and back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bascule_engine::engine::{Begun, Decision};
use bascule_engine::ports::SlotSpec;
use bascule_engine::take_over::Resumed;
use bascule_model::ids::{EnvironmentKey, RunId};
use bascule_model::plan::RunKind;
use bascule_model::problem::{Code, Problem};
use serde::Deserialize;

use crate::api::{
    AbortRequest, ApproveRequest, Approved, Checklist, DeployRequest, EnvironmentStatus, Hello, HistoryEntry,
    INTERFACE, KeyRequest, LogsRequest, PlanRequest, Planned, PruneMode, PruneRequest, Pruned,
    RehearsalRequest, RenderRequest, ResolveRequest, ResumeRequest, RevertLeft, RollbackRequest, RunReport,
    Started, UndropRequest, Verified, WaitingPlan,
};
use crate::control::Control;
use crate::policy::peer::Peer;
use crate::policy::{self, Gatekeeper, approvals, rehearsals};
use crate::{exec, follow, logs, pipelines, recall, render, status};

type Shared = State<Arc<Control>>;
type Answer<T> = Result<Json<T>, Refusal>;

/// A problem as an answer.
pub struct Refusal(Problem);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<bascule_journal::JournalError> for Refusal {
    fn from(error: bascule_journal::JournalError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, Json(self.0)).into_response()
    }
}

/// All routes.
pub fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/v1/hello", get(hello))
        .route("/v1/plan", post(plan))
        .route("/v1/deploy", post(deploy))
        .route("/v1/rollback", post(rollback))
        .route("/v1/rollback/plan", post(plan_rollback))
        .route("/v1/down", post(down))
        .route("/v1/resume", post(resume))
        .route("/v1/retire", post(retire))
        .route("/v1/contract", post(contract))
        .route("/v1/revert", post(revert))
        .route("/v1/revert/left", post(revert_left))
        .route("/v1/undrop", post(undrop))
        .route("/v1/verify", post(verify))
        .route("/v1/environments", get(environments))
        .route("/v1/status", get(one_status))
        .route("/v1/history", get(history))
        .route("/v1/logs", get(read_logs))
        .route("/v1/render", get(render_objects))
        .route("/v1/exec", post(exec::exec))
        .route("/v1/prune", post(prune))
        .route("/v1/runs/{run}", get(report))
        .route("/v1/runs/{run}/follow", get(follow_run))
        .route("/v1/runs/{run}/abort", post(abort))
        .route("/v1/runs/{run}/resolve", post(resolve))
        .merge(pipelines::router())
        .route("/v1/checklist", post(checklist))
        .route("/v1/rehearsals", post(keep_rehearsal))
        .route("/v1/waiting", get(waiting))
        .route("/v1/approve", post(approve))
        .with_state(control)
}

/// What other users of the machine may ask for: to look at a plan whose hash they know, and to approve of it.
pub(crate) fn for_others(control: Arc<Control>) -> Router {
    Router::new()
        .route("/v1/hello", get(hello))
        .route("/v1/waiting", get(waiting))
        .route("/v1/approve", post(approve))
        .with_state(control)
}

async fn hello(State(control): Shared) -> Json<Hello> {
    Json(Hello { interface: INTERFACE, version: control.version.clone(), pid: std::process::id() })
}

async fn plan(
    State(control): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<PlanRequest>,
) -> Answer<Planned> {
    let ports = control.engine.ports();
    let gates = request.wish.environment.gates.clone();
    let wish = request.wish.into_wish(ports.vault.as_ref(), ports.clock.now());
    let prepared = control.engine.prepare_deploy(&wish).await?;
    let keeper = Gatekeeper { control: &control, peer, actor: &request.actor, gates: &gates };
    let mut holds = keeper.holds(&wish, &prepared).await?;
    let mut release = prepared.release;
    prepared.plan.artifact.digest().unwrap_or_default().clone_into(&mut release.artifact);
    let spec = SlotSpec { release, slot: prepared.plan.slot, configuration: wish.configuration.clone() };
    let objects = match ports.target.changes(&spec).await {
        Ok(objects) => objects,
        Err(error) => {
            holds.push(error.into());
            Vec::new()
        }
    };
    Ok(Json(Planned { plan_hash: prepared.plan.hash(), plan: prepared.plan, holds, objects }))
}

async fn deploy(
    State(control): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<DeployRequest>,
) -> Answer<Started> {
    let ports = control.engine.ports();
    let gates = request.wish.environment.gates.clone();
    let wish = request.wish.into_wish(ports.vault.as_ref(), ports.clock.now());
    let keeper = Gatekeeper { control: &control, peer, actor: &request.actor, gates: &gates };
    let begun = control.engine.deploy_if(&wish, request.plan.as_deref(), &request.actor, &keeper).await?;
    Ok(started(&control, begun, RunKind::Deploy, wish.key().clone()))
}

async fn rollback(State(control): Shared, Json(request): Json<RollbackRequest>) -> Answer<Started> {
    let to = request.to.as_ref();
    let begun = control.engine.rollback(&request.key, to, request.plan.as_deref(), &request.actor).await?;
    Ok(started(&control, begun, RunKind::Rollback, request.key))
}

async fn plan_rollback(State(control): Shared, Json(request): Json<RollbackRequest>) -> Answer<Planned> {
    let plan = control.engine.plan_rollback(&request.key, request.to.as_ref()).await?;
    Ok(Json(Planned { plan_hash: plan.hash(), plan, holds: Vec::new(), objects: Vec::new() }))
}

async fn resume(State(control): Shared, Json(request): Json<ResumeRequest>) -> Answer<Resumed> {
    // A client that goes away does not cut it off between the claim and what is written down here.
    let taking = control.tasks.spawn(take_over(control.clone(), request));
    let resumed = taking.await.map_err(|error| {
        let remedy = "report this: it is a defect of Bascule; `bascule run resume ENV` can be run again";
        Problem::new(Code::Internal, format!("taking the environment over ended early: {error}"), remedy)
    })?;
    Ok(Json(resumed?))
}

async fn take_over(control: Arc<Control>, request: ResumeRequest) -> Result<Resumed, Problem> {
    let project = request.project.as_ref().map(|project| project.to_string_lossy());
    let (key, place) = (&request.key, &request.place);
    let resumed = control.engine.take_over(place, key, project.as_deref(), &request.actor).await?;
    if let Resumed::TakenOver { run, from, .. } = &resumed {
        // An unfinished run is gone on with like one that a crash left.
        crate::log::line(&control.engine, &format!("{key} was taken over from {from}, after {run}"));
    }
    if let Some(environment) = control.engine.journal().environment(key).await? {
        recall::environment(&control, &environment).await?;
    }
    Ok(resumed)
}

async fn down(State(control): Shared, Json(request): Json<KeyRequest>) -> Answer<Started> {
    let begun = control.engine.down(&request.key, &request.actor).await?;
    Ok(started(&control, begun, RunKind::Down, request.key))
}

async fn retire(State(control): Shared, Json(request): Json<KeyRequest>) -> Answer<Started> {
    let begun = control.engine.retire(&request.key, &request.actor).await?;
    Ok(started(&control, begun, RunKind::Retire, request.key))
}

async fn contract(State(control): Shared, Json(request): Json<KeyRequest>) -> Answer<Started> {
    let begun = control.engine.contract(&request.key, &request.actor).await?;
    Ok(started(&control, begun, RunKind::Contract, request.key))
}

async fn revert(State(control): Shared, Json(request): Json<KeyRequest>) -> Answer<Started> {
    let begun = control.engine.revert_schema(&request.key, &request.actor).await?;
    Ok(started(&control, begun, RunKind::Revert, request.key))
}

async fn revert_left(State(control): Shared, Json(request): Json<KeyRequest>) -> Answer<RevertLeft> {
    Ok(Json(RevertLeft { left: control.engine.only_revert_left(&request.key).await? }))
}

async fn undrop(State(control): Shared, Json(request): Json<UndropRequest>) -> Answer<Started> {
    let begun = control.engine.undrop(&request.key, request.versions, &request.actor).await?;
    Ok(started(&control, begun, RunKind::Undrop, request.key))
}

fn started(control: &Arc<Control>, begun: Begun, kind: RunKind, key: EnvironmentKey) -> Json<Started> {
    Json(Started { run: control.spawn(begun, kind, key) })
}

async fn verify(State(control): Shared, Json(request): Json<KeyRequest>) -> Answer<Verified> {
    Ok(Json(Verified { checks: control.engine.verify(&request.key).await? }))
}

async fn environments(State(control): Shared) -> Answer<Vec<EnvironmentStatus>> {
    let mut all = Vec::new();
    for record in control.engine.journal().environments().await? {
        all.push(status::of(&control, &record.key).await?);
    }
    Ok(Json(all))
}

#[derive(Deserialize)]
struct KeyQuery {
    key: EnvironmentKey,
    #[serde(default = "twenty")]
    limit: u32,
}

fn twenty() -> u32 {
    20
}

async fn one_status(State(control): Shared, Query(query): Query<KeyQuery>) -> Answer<EnvironmentStatus> {
    Ok(Json(status::of(&control, &query.key).await?))
}

async fn history(State(control): Shared, Query(query): Query<KeyQuery>) -> Answer<Vec<HistoryEntry>> {
    let journal = control.engine.journal();
    let environment = journal.environment(&query.key).await?;
    let entries = journal.runs(&query.key, query.limit).await?.into_iter().map(|run| HistoryEntry {
        stands: environment.as_ref().and_then(|record| status::stands(record, run.plan.release.as_ref())),
        run: run.id,
        kind: run.plan.kind,
        release: run.plan.release,
        provenance: run.plan.provenance,
        promoted: run.plan.promoted,
        actor: run.actor,
        created_at: run.created_at,
        finished_at: run.finished_at,
        outcome: run.state.outcome,
        problem: run.state.stuck.or(run.state.cause),
    });
    Ok(Json(entries.collect()))
}

async fn prune(State(control): Shared, Json(request): Json<PruneRequest>) -> Answer<Pruned> {
    let only = request.key.as_ref();
    let found = match request.mode {
        PruneMode::DryRun => control.engine.unneeded(only).await?,
        PruneMode::Remove => control.engine.tidy(only).await?,
    };
    let bytes = found.unneeded.iter().map(|one| one.bytes).sum();
    if request.mode == PruneMode::Remove && !found.unneeded.is_empty() {
        let count = found.unneeded.len();
        crate::log::line(&control.engine, &format!("{} pruned {count} things, {bytes} bytes", request.actor));
    }
    Ok(Json(Pruned { removed: found.unneeded, bytes, without_artifacts: found.without_artifacts }))
}

async fn read_logs(State(control): Shared, Query(request): Query<LogsRequest>) -> Result<Response, Refusal> {
    if request.follow {
        return Ok(lines(logs::follow(control, request).await?));
    }
    Ok(Json(logs::last(&control, &request).await?).into_response())
}

async fn render_objects(
    State(control): Shared,
    Query(request): Query<RenderRequest>,
) -> Answer<Vec<serde_json::Value>> {
    Ok(Json(render::objects(&control, &request).await?))
}

async fn report(State(control): Shared, Path(run): Path<String>) -> Answer<RunReport> {
    let id = RunId::from_text(run);
    let record = known(&control, &id).await?;
    let events = control.engine.journal().events(&id, 0).await?;
    let outcome = follow::ended(&control, &record).await?;
    let mut approvals = approvals::of(&control, &record.plan.key, &record.plan.hash()).await?;
    approvals.retain(|approval| approval.at <= record.created_at && record.created_at < approval.until);
    Ok(Json(RunReport {
        run: id,
        plan_hash: record.plan.hash(),
        plan: record.plan,
        actor: record.actor,
        created_at: record.created_at,
        finished_at: record.finished_at,
        state: record.state,
        events,
        outcome,
        approvals,
    }))
}

async fn checklist(State(control): Shared, Json(request): Json<PlanRequest>) -> Answer<Checklist> {
    let ports = control.engine.ports();
    let wish = request.wish.into_wish(ports.vault.as_ref(), ports.clock.now());
    let prepared = control.engine.prepare_deploy(&wish).await?;
    let items = policy::list(&control, &wish, &prepared)?;
    let artifact = Some(prepared.release.artifact).filter(|artifact| !artifact.is_empty());
    let passed = !items.iter().any(bascule_model::gate::Decision::blocks);
    Ok(Json(Checklist { key: wish.key().clone(), artifact, passed, items }))
}

async fn keep_rehearsal(
    State(control): Shared,
    Json(request): Json<RehearsalRequest>,
) -> Answer<bascule_model::rehearsal::Rehearsal> {
    Ok(Json(rehearsals::keep(&control, request).await?))
}

#[derive(Deserialize)]
struct PlanQuery {
    plan: String,
}

async fn waiting(State(control): Shared, Query(query): Query<PlanQuery>) -> Answer<WaitingPlan> {
    Ok(Json(approvals::waiting(&control, &query.plan).await?))
}

async fn approve(
    State(control): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<ApproveRequest>,
) -> Answer<Approved> {
    Ok(Json(approvals::approve(&control, peer, &request).await?))
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
    let id = RunId::from_text(run);
    known(&control, &id).await?;
    Ok(lines(follow::stream_of(control, id, after)))
}

async fn abort(
    State(control): Shared,
    Path(run): Path<String>,
    Json(request): Json<AbortRequest>,
) -> Answer<Started> {
    let run = RunId::from_text(run);
    control.engine.abort(&run, &request.actor).await?;
    Ok(Json(Started { run }))
}

async fn resolve(
    State(control): Shared,
    Path(run): Path<String>,
    Json(request): Json<ResolveRequest>,
) -> Answer<Started> {
    let run = RunId::from_text(run);
    let record = known(&control, &run).await?;
    let decision = match request.abandon {
        Some(reason) => Decision::Abandon { reason },
        None => Decision::RetryUndo,
    };
    let begun = control.engine.resolve(&run, decision, &request.actor).await?;
    Ok(started(&control, begun, record.plan.kind, record.plan.key))
}

async fn known(control: &Control, id: &RunId) -> Result<bascule_journal::RunRecord, Problem> {
    control.engine.journal().run(id).await?.ok_or_else(|| {
        Problem::new(
            Code::RunUnknown,
            format!("there is no run {id}"),
            "`bascule history ENV` lists the runs of an environment",
        )
    })
}

fn lines(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}
