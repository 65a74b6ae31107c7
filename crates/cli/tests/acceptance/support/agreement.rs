//! What has to agree whenever no run goes on: what `status` says, what a client sees, what the edge does, what runs, what lies on
//! disk, and what the journal holds.

use std::collections::BTreeSet;

use bascule_edge::{EdgeClient, EdgeState};
use bascule_model::plan::RunKind;
use bascule_model::problem::Exit;
use bascule_model::run::{Outcome, RunState};
use bascule_server::api::RunReport;
use serde_json::Value;

use super::app::{App, ENVIRONMENT};
use super::command::Ran;
use super::door;
use super::wait;
use super::world::World;

/// Who stands where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standings {
    /// Who has the traffic.
    pub live: Option<String>,
    /// Who stands by.
    pub standby: Option<String>,
}

impl Standings {
    fn all(&self) -> BTreeSet<String> {
        self.live.iter().chain(&self.standby).cloned().collect()
    }

    /// The live release.
    #[track_caller]
    pub fn live(&self) -> &str {
        self.live.as_deref().unwrap()
    }

    /// The one that stands by.
    #[cfg(feature = "failpoints")]
    #[track_caller]
    pub fn standby(&self) -> &str {
        self.standby.as_deref().unwrap()
    }
}

/// Waits until everything agrees and no run goes on.
#[track_caller]
pub fn settled(world: &World<'_>, app: &App) -> Standings {
    wait::until_ok("a state in which everything agrees", || look(world, app))
}

fn look(world: &World<'_>, app: &App) -> Result<Standings, Vec<String>> {
    let status = world.status(app);
    let release = |slot: &str| status[slot]["release"].as_str().map(ToOwned::to_owned);
    let standings = Standings { live: release("live"), standby: release("standby") };
    let mut wrong = Vec::new();
    let mut hold = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    hold(status["run"].is_null(), format!("a run goes on: {}", status["run"]));
    let drift = status["drift"].as_array().is_some_and(Vec::is_empty);
    hold(drift, format!("drift: {}", status["drift"]));
    hold(seen_at_the_door(app) == standings.live.clone().unwrap_or_default(), door_of(app, &standings));
    let all = standings.all();
    let standing = world.fixture.standing(&world.state(), &app.name, ENVIRONMENT);
    hold(standing.iter().cloned().collect::<BTreeSet<_>>() == all, format!("on disk stand {standing:?}"));
    let (run, told) = (pids(world, app), told(&status));
    hold(run == told, format!("{run:?} run, status tells of {told:?}"));
    let of_each = |release: &String| run.iter().filter(|(its, _)| its == release).count();
    hold(all.iter().all(|release| of_each(release) == app.processes()), format!("{run:?} run of {all:?}"));
    if let Err(difference) = edge_agrees(world, app, &standings) {
        hold(false, difference);
    }
    if wrong.is_empty() { Ok(standings) } else { Err(wrong) }
}

/// The release that answers a client; empty when the door is closed.
pub fn seen_at_the_door(app: &App) -> String {
    let host = app.hosts.first().map_or("localhost", String::as_str);
    match door::get(app.door, host, "/version") {
        Ok(answer) if answer.status == 200 => answer.release().to_owned(),
        Ok(answer) => format!("{} {}", answer.status, answer.body),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => String::new(),
        Err(error) => error.to_string(),
    }
}

fn door_of(app: &App, standings: &Standings) -> String {
    format!("a client sees {:?}, live is {:?}", seen_at_the_door(app), standings.live)
}

fn pids(world: &World<'_>, app: &App) -> BTreeSet<(String, u32)> {
    world.running(app).into_iter().map(|one| (one.release, one.pid)).collect()
}

fn told(status: &Value) -> BTreeSet<(String, u32)> {
    let slots = ["live", "standby"].into_iter().filter_map(|name| status.get(name));
    slots
        .flat_map(|slot| {
            let release = slot["release"].as_str().unwrap_or_default();
            let instances = slot["instances"].as_array().cloned().unwrap_or_default();
            instances
                .into_iter()
                .map(move |one| (release.to_owned(), one["pid"].as_u64().unwrap_or(0) as u32))
        })
        .collect()
}

/// How the edge says that it stands.
pub fn edge_state(world: &World<'_>) -> Result<EdgeState, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = EdgeClient::connect(&world.state()).await.map_err(|error| error.to_string())?;
        client.state().await.map_err(|error| error.to_string())
    })
}

fn edge_agrees(world: &World<'_>, app: &App, standings: &Standings) -> Result<(), String> {
    let state = edge_state(world)?;
    let found = state.environments.iter().find(|one| one.key.app.as_str() == app.name);
    let live = found.and_then(|one| one.live.as_ref()).map(|(_, release)| release.to_string());
    let slots: BTreeSet<String> =
        found.into_iter().flat_map(|one| &one.slots).map(|slot| slot.release.to_string()).collect();
    if live != standings.live || slots != standings.all() {
        return Err(format!("the edge knows {slots:?} and sends requests to {live:?}"));
    }
    Ok(())
}

/// Checks that how a command ended is the truth, now that all is settled; `before` is how it stood. Gives how it stands.
#[track_caller]
pub fn truth_of(world: &World<'_>, app: &App, ran: &Ran, before: &Standings) -> Standings {
    let after = settled(world, app);
    let outcome: Outcome = serde_json::from_value(ran.last()["outcome"].clone()).unwrap();
    let expected = match (outcome, ran.problem().map(|problem| problem.code.exit())) {
        (Outcome::Live, _) => 0,
        (Outcome::Refused, Some(exit @ (Exit::Usage | Exit::Stale | Exit::Temporary))) => {
            exit.status().into()
        }
        (Outcome::Refused, _) => 4,
        (Outcome::RolledBack, _) => 7,
        (Outcome::Stuck, _) => 8,
        (Outcome::Failed, _) => 75,
    };
    assert_eq!(ran.status, expected, "{ran:#?}");
    assert_eq!(ran.field("live_release"), after.live.clone().unwrap_or_default(), "{ran:#?}");
    match outcome {
        Outcome::Live => assert_eq!(ran.field("release"), after.live(), "{ran:#?}"),
        _ => assert_eq!(after.live, before.live, "{ran:#?}"),
    }
    let report: RunReport = serde_json::from_value(world.report(app, &ran.field("run"))).unwrap();
    assert_eq!(report.state.outcome, Some(outcome));
    assert!(report.finished_at.is_some(), "{report:#?}");
    assert_eq!(folded(&report), report.state, "the state is not what the events come to");
    let told = report.outcome.as_ref().unwrap();
    assert_eq!((told.outcome, told.release.as_ref()), (outcome, report.plan.release.as_ref()));
    assert_eq!(told.error.is_none(), outcome == Outcome::Live, "{told:#?}");
    after
}

/// The state that the events of a report come to.
fn folded(report: &RunReport) -> RunState {
    let steps = report.state.steps.iter().map(|step| (step.name.clone(), step.touches));
    let mut state = RunState::new(report.state.on_failure, steps);
    for recorded in &report.events {
        state.on(&recorded.event).unwrap();
    }
    assert_ne!(report.plan.kind, RunKind::Retire, "a retire is nobody's command");
    state
}
