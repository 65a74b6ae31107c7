//! What the control plane does without being asked: goes on with runs that a crash left, ends rollback windows, tells the edge where
//! instances are now, and watches their health.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::SlotRef;
use bascule_journal::{EnvironmentRecord, Take};
use bascule_model::evidence::InstanceStatus;
use bascule_model::ids::{EnvironmentKey, InstanceId};
use bascule_model::plan::{RunKind, Standing};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Release, TargetKind};

#[cfg(feature = "kubernetes")]
use crate::cluster_keeper::ClusterKeeper;
use crate::control::Control;
use crate::database_keeper::DatabaseKeeper;
use crate::health_watch::Subject;
use crate::{pipelines, recall, traffic};

/// A build without clusters has nothing to keep there.
#[cfg(not(feature = "kubernetes"))]
type ClusterKeeper = ();

/// How often it looks.
const ROUND: Duration = Duration::from_millis(250);

/// Keeps everything in order, for ever.
pub async fn keep(control: Arc<Control>) {
    let mut said = String::new();
    let mut databases = DatabaseKeeper::default();
    let mut clusters: ClusterKeeper = Default::default();
    let mut tidied = Duration::ZERO;
    loop {
        databases.round(&control).await;
        let clock = control.engine.ports().clock.clone();
        let pipelines = pipelines::keep(&control, clock.as_ref(), &mut tidied).await;
        if let Err(problem) = round(&control, &mut clusters).await.and(pipelines) {
            // The same trouble is told once, not four times a second.
            let text = problem.to_string();
            if text != said {
                crate::log::line(&control.engine, &format!("keeping order: {text}"));
                said = text;
            }
        }
        tokio::time::sleep(ROUND).await;
    }
}

async fn round(control: &Arc<Control>, clusters: &mut ClusterKeeper) -> Result<(), Problem> {
    #[cfg(not(feature = "kubernetes"))]
    let _ = clusters;
    resume_left_over(control).await?;
    let mut subjects = Vec::new();
    for environment in control.engine.journal().environments().await? {
        if !control.engine.is_home_of(&environment) {
            continue;
        }
        recall::environment(control, &environment).await?;
        let busy = control.engine.journal().active(&environment.key).await?.is_some();
        if !busy {
            end_window(control, &environment.key).await?;
        }
        #[cfg(feature = "kubernetes")]
        if !busy && let Some(live) = live_release(control, &environment).await? {
            clusters.look_after(control, &environment, &live);
        }
        hold_the_door(control, &environment).await?;
        let standings = environment.live.iter().chain(
            environment.standby.iter().filter(|standby| standby.warm_until.is_some()).map(|s| &s.standing),
        );
        for standing in standings {
            let watched = look_after(control, &environment, standing, busy).await?;
            subjects.extend(watched);
        }
    }
    let ports = control.engine.ports();
    let health = control.health.clone();
    let (checker, clock, edge) = (ports.checker.clone(), ports.clock.clone(), control.edge.clone());
    // A slow instance must not hold up the next round.
    control.tasks.spawn(async move {
        for changed in health.round(&subjects, &checker, &clock).await {
            if let Some(edge) = edge.now() {
                let health = if changed.healthy {
                    bascule_edge::Health::Healthy
                } else {
                    bascule_edge::Health::Unhealthy
                };
                let _ = edge.set_health(&changed.key, &changed.id, health).await;
            }
        }
    });
    Ok(())
}

#[cfg(feature = "kubernetes")]
async fn live_release(
    control: &Control,
    environment: &EnvironmentRecord,
) -> Result<Option<Release>, Problem> {
    let Some(live) = environment.live.as_ref().filter(|_| control.traffic.is_in_cluster(&environment.key))
    else {
        return Ok(None);
    };
    let record = control.engine.journal().release(&environment.key, &live.release).await?;
    Ok(record.map(|record| record.release))
}

async fn resume_left_over(control: &Arc<Control>) -> Result<(), Problem> {
    for (id, take) in control.engine.left_over().await? {
        if let Some(run) = control.engine.journal().run(&id).await?
            && let Some(environment) = control.engine.journal().environment(&run.plan.key).await?
        {
            recall::environment(control, &environment).await?;
        }
        let begun = match control.engine.resume(&id, take).await {
            Ok(begun) => begun,
            // Another control plane was quicker.
            Err(problem) if take == Take::IfFree && problem.code == Code::LeaseHeld => continue,
            Err(problem) => return Err(problem),
        };
        if let Some(run) = control.engine.journal().run(&id).await? {
            crate::log::line(&control.engine, &format!("going on with {id}"));
            control.spawn(begun, run.plan.kind, run.plan.key);
        }
    }
    Ok(())
}

/// What stands in a slot without traffic and without a window that still lasts is retired.
async fn end_window(control: &Arc<Control>, key: &EnvironmentKey) -> Result<(), Problem> {
    match control.engine.end_window(key, "bascule (rollback window over)").await {
        Ok(Some(begun)) => {
            control.spawn(begun, RunKind::Retire, key.clone());
            Ok(())
        }
        Ok(None) => Ok(()),
        // Somebody was quicker.
        Err(problem) if matches!(problem.code, Code::LeaseHeld | Code::PlanStale) => Ok(()),
        Err(problem) => Err(problem),
    }
}

/// When the control plane and the edge died together nobody held the sockets any more: the live release's door is opened again,
/// also while a run goes on.
async fn hold_the_door(control: &Control, environment: &EnvironmentRecord) -> Result<(), Problem> {
    let (Some(live), Some(edge)) = (&environment.live, control.edge.now()) else { return Ok(()) };
    let Some(record) = control.engine.journal().release(&environment.key, &live.release).await? else {
        return Ok(());
    };
    if record.release.target == TargetKind::Kubernetes {
        return Ok(());
    }
    let listen = record.release.listen;
    match edge.state().await {
        Ok(state) if !state.listeners.contains(&listen) => control.edge.open(listen).await,
        _ => Ok(()),
    }
}

/// Tells the edge of addresses that changed; answers whom to watch.
async fn look_after(
    control: &Control,
    environment: &EnvironmentRecord,
    standing: &Standing,
    busy: bool,
) -> Result<Vec<Subject>, Problem> {
    let key = &environment.key;
    let Some(record) = control.engine.journal().release(key, &standing.release).await? else {
        return Ok(Vec::new());
    };
    let release = record.release;
    // A cluster finds its pods and asks how they are by itself.
    if release.target == TargetKind::Kubernetes {
        return Ok(Vec::new());
    }
    let slot = SlotRef { key: key.clone(), slot: standing.slot, release: standing.release.clone() };
    let instances = control.engine.ports().target.observe(&slot).await.map_err(Problem::from)?;
    // While a run works, what stands by is its own affair; that the live release goes on is everybody's.
    let is_live = environment.live.as_ref() == Some(standing);
    if (!busy || is_live) && !instances.is_empty() {
        tell_the_edge(control, environment, standing, &release, &instances, busy).await?;
    }
    Ok(subjects(&release, &instances))
}

async fn tell_the_edge(
    control: &Control,
    environment: &EnvironmentRecord,
    standing: &Standing,
    release: &Release,
    instances: &[InstanceStatus],
    busy: bool,
) -> Result<(), Problem> {
    let Some(edge) = control.edge.now() else { return Ok(()) };
    let Ok(state) = edge.state().await else { return Ok(()) };
    let wanted = traffic::route(release, standing.slot, instances);
    let known = state.environments.iter().find(|one| one.key == environment.key);
    let there = known.and_then(|one| one.slots.iter().find(|slot| slot.slot == standing.slot));
    let is_live = environment.live.as_ref() == Some(standing);
    let fence = environment.generation;
    let port = &control.engine.ports().traffic;
    let addresses = |route: &bascule_edge::SlotRoute| -> HashSet<(InstanceId, SocketAddr)> {
        route.services.iter().flat_map(|s| s.instances.iter().map(|i| (i.id.clone(), i.address))).collect()
    };
    let same = there.is_some_and(|slot| {
        slot.release == standing.release
            && slot.instances.iter().map(|i| (i.id.clone(), i.address)).collect::<HashSet<_>>()
                == addresses(&wanted)
    });
    // A run that takes the live release away has taken its route first: only addresses are mended beside it.
    if !same && (!busy || there.is_some_and(|slot| slot.release == standing.release)) {
        port.open(fence, release).await.map_err(Problem::from)?;
        port.register(fence, release, standing.slot, instances).await.map_err(Problem::from)?;
    }
    // An edge that lost its table knows nobody: the journal's last switch is put back.
    if is_live && !busy && known.is_none_or(|one| one.live.is_none()) {
        let to = Some((standing.slot, &standing.release));
        port.switch(fence, &environment.key, None, to).await.map_err(Problem::from)?;
    }
    Ok(())
}

fn subjects(release: &Release, instances: &[InstanceStatus]) -> Vec<Subject> {
    instances
        .iter()
        .filter_map(|instance| {
            let health = release.service(&instance.service)?.health.clone();
            Some(Subject {
                key: release.key.clone(),
                id: instance.id.clone(),
                address: instance.address?,
                health,
            })
        })
        .collect()
}
