//! Scheduler and kubelet: pods run as the scripts of their images say.

mod configuration;
mod status;
mod tell;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::conditions::{self, Condition, find, is_true};
use super::{Due, events};
use crate::core::Core;
use crate::managers::Actor;
use crate::object;
use crate::script::{Behaviour, PodScript, Restarts, State, View, view};
use crate::store::Key;
use crate::write;

/// What the kubelet remembers of a pod.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// When its containers could start: everything that they refer to is there.
    started: Option<Instant>,
    /// When its init containers were done.
    initialized: Option<Instant>,
    /// When it stops, once it was told to.
    stops: Option<Instant>,
    ready: Option<Instant>,
    /// The states that were told in events, by container.
    told: Vec<(String, String)>,
}

/// Since when a pod is ready.
pub(super) fn ready_since(core: &Core, uid: &str) -> Option<Instant> {
    core.memory.pods.get(uid)?.ready
}

pub(super) fn pass(core: &mut Core, due: &mut Due) {
    let pods = core.store.list("pods", "");
    core.memory.pods.retain(|uid, _| pods.iter().any(|pod| object::uid(pod) == uid));
    for pod in pods {
        let key = Key::new("pods", object::text(&pod, "/metadata/namespace"), object::name(&pod));
        if object::text(&pod, "/spec/nodeName").is_empty() && !schedule(core, &key, &pod) {
            continue;
        }
        let Some(pod) = core.store.get(&key).cloned() else { continue };
        if object::is_terminating(&pod) {
            stop(core, &key, &pod, due);
        } else {
            run(core, &key, &pod, due);
        }
    }
}

/// The script of a container's image.
fn script(core: &Core, container: &Value) -> PodScript {
    core.script(container)
}

fn containers<'a>(pod: &'a Value, list: &str) -> &'a [Value] {
    object::items(pod, &format!("/spec/{list}"))
}

/// Gives the pod to the node, unless a script says that none takes it.
fn schedule(core: &mut Core, key: &Key, pod: &Value) -> bool {
    let refusal =
        containers(pod, "containers").iter().find_map(|container| match script(core, container).behaviour {
            Behaviour::Unschedulable { message } => Some(message),
            _ => None,
        });
    let stamp = core.clock.stamp();
    let scheduler = Actor::update("kube-scheduler", "status");
    if let Some(message) = refusal {
        let is_known = find(&pod["status"]["conditions"], "PodScheduled").is_some();
        let condition = Condition::new("PodScheduled", "False", "Unschedulable", message.clone());
        write::edit(core, key, &scheduler, |pod| {
            conditions::set(&mut pod["status"]["conditions"], &condition, &stamp);
        });
        if !is_known {
            events::warning(core, events::Source::Scheduler, pod, "FailedScheduling", &message);
        }
        return false;
    }
    write::edit(core, key, &Actor::update("kube-scheduler", ""), |pod| {
        pod["spec"]["nodeName"] = json!("node-1");
    });
    let condition = Condition::new("PodScheduled", "True", "", "");
    write::edit(core, key, &scheduler, |pod| {
        conditions::set(&mut pod["status"]["conditions"], &condition, &stamp);
    });
    let message = format!("Successfully assigned {}/{} to node-1", key.namespace, key.name);
    events::normal(core, events::Source::Scheduler, pod, "Scheduled", &message);
    true
}

/// A pod that was told to stop is gone after what its script says, at most after its grace.
fn stop(core: &mut Core, key: &Key, pod: &Value, due: &mut Due) {
    let grace = object::number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
    let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
    let all = containers(pod, "containers");
    let stops = |container: &Value| waits_before_it_stops(container) + script(core, container).stop;
    let wanted = all.iter().map(stops).max().unwrap_or_default();
    let now = core.clock.now();
    let run = core.memory.pods.entry(object::uid(pod).to_owned()).or_default();
    let is_first = run.stops.is_none();
    let when = run.stops.map_or(now + wanted.min(grace), |stops| stops.min(now + grace));
    run.stops = Some(when);
    if is_first {
        for container in all {
            let message = format!("Stopping container {}", object::text(container, "/name"));
            events::normal(core, events::Source::Kubelet, pod, "Killing", &message);
        }
    }
    if when > now {
        due.at(when);
    } else if object::items(pod, "/metadata/finalizers").iter().all(|one| one == "foregroundDeletion") {
        core.store.remove(key);
    }
}

/// How long its `preStop` takes: a wait of its own, or the program `sleep`. It counts in the grace.
fn waits_before_it_stops(container: &Value) -> Duration {
    let hook = &container["lifecycle"]["preStop"];
    let command = object::items(hook, "/exec/command");
    let slept = match command {
        [program, seconds] if *program == "sleep" => seconds.as_str().and_then(|text| text.parse().ok()),
        _ => None,
    };
    Duration::from_secs(hook["sleep"]["seconds"].as_u64().or(slept).unwrap_or(0))
}

fn run(core: &mut Core, key: &Key, pod: &Arc<Value>, due: &mut Due) {
    if ["Succeeded", "Failed"].contains(&object::text(pod, "/status/phase")) {
        return;
    }
    let uid = object::uid(pod).to_owned();
    let now = core.clock.now();
    let missing = configuration::missing(core, &key.namespace, pod);
    let run = core.memory.pods.entry(uid.clone()).or_default();
    if missing.is_none() && run.started.is_none() {
        run.started = Some(now);
    }
    let (started, initialized) = (run.started, run.initialized);
    let restarts = match object::text(pod, "/spec/restartPolicy") {
        "Never" => Restarts::Never,
        "OnFailure" => Restarts::OnFailure,
        _ => Restarts::Always,
    };
    let Some(started) = started else {
        let views = views_without_configuration(pod, missing.as_ref());
        show(core, key, pod, &views, &[], (restarts, now), missing.as_ref());
        return;
    };
    // Init containers run to their end, one after another.
    let mut begin = started;
    let mut inits = Vec::new();
    let mut are_done = true;
    for container in containers(pod, "initContainers") {
        let restarts = if restarts == Restarts::Never { Restarts::Never } else { Restarts::OnFailure };
        if !are_done {
            inits.push((begin, View::waiting("PodInitializing", "", None)));
            continue;
        }
        let seen = seen(core, container, restarts, begin, now, due);
        let end = match &seen.state {
            State::Terminated(ended) if ended.code == 0 => Some(begin + ended.finished),
            _ => None,
        };
        inits.push((begin, seen));
        are_done = end.is_some();
        begin = end.unwrap_or(begin);
    }
    let mut views = Vec::new();
    if are_done {
        let begin = initialized.unwrap_or(begin);
        if let Some(run) = core.memory.pods.get_mut(&uid) {
            run.initialized = Some(begin);
        }
        for container in containers(pod, "containers") {
            let mut seen = seen(core, container, restarts, begin, now, due);
            if let Some((_, readiness)) = core
                .memory
                .readiness
                .iter()
                .rev()
                .find(|(labels, _)| crate::selector::has_labels(pod, labels))
                && matches!(seen.state, State::Running { .. })
            {
                seen.readiness = *readiness;
            }
            views.push((begin, seen));
        }
    } else {
        let waiting = containers(pod, "containers").iter();
        views.extend(waiting.map(|_| (begin, View::waiting("PodInitializing", "", None))));
    }
    show(core, key, pod, &views, &inits, (restarts, now), None);
}

fn seen(
    core: &Core,
    container: &Value,
    restarts: Restarts,
    begin: Instant,
    now: Instant,
    due: &mut Due,
) -> View {
    let view = view(&script(core, container).behaviour, restarts, now.saturating_duration_since(begin));
    if let Some(next) = view.next {
        due.at((begin + next).max(now + Duration::from_nanos(1)));
    }
    view
}

fn views_without_configuration(
    pod: &Value,
    missing: Option<&configuration::Missing>,
) -> Vec<(Instant, View)> {
    let now = Instant::now();
    containers(pod, "containers")
        .iter()
        .map(|container| {
            let view = match missing {
                Some(configuration::Missing::Variable { container: name, message })
                    if object::text(container, "/name") == name =>
                {
                    View::waiting("CreateContainerConfigError", message, None)
                }
                _ => View::waiting("ContainerCreating", "", None),
            };
            (now, view)
        })
        .collect()
}

/// Writes the status and tells what is new in events.
fn show(
    core: &mut Core,
    key: &Key,
    pod: &Arc<Value>,
    views: &[(Instant, View)],
    inits: &[(Instant, View)],
    (restarts, now): (Restarts, Instant),
    missing: Option<&configuration::Missing>,
) {
    let status = status::of(core, pod, views, inits, restarts);
    write::edit(core, key, &Actor::update("kubelet", "status"), |pod| {
        pod["status"] = status;
    });
    let is_ready = core.store.get(key).is_some_and(|pod| is_true(pod, "Ready"));
    if let Some(run) = core.memory.pods.get_mut(object::uid(pod)) {
        run.ready = if is_ready { run.ready.or(Some(now)) } else { None };
    }
    if let Some(configuration::Missing::Volume { message }) = missing {
        tell::once(core, pod, "volume", "FailedMount", message);
    }
    tell::changes(core, pod, views);
}
