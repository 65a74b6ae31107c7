//! `status` of a pod, of the views of its containers.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::conditions::{self, Condition};
use super::containers;
use crate::core::Core;
use crate::object;
use crate::script::{Ended, Readiness, Restarts, State, View};

pub(super) fn of(
    core: &mut Core,
    pod: &Value,
    views: &[(Instant, View)],
    inits: &[(Instant, View)],
    restarts: Restarts,
) -> Value {
    let mut status = pod["status"].clone();
    let stamp = core.clock.stamp();
    let phase = phase(views, inits, restarts);
    status["phase"] = json!(phase);
    object::default(&mut status, &["qosClass"], json!("BestEffort"));
    object::default(&mut status, &["startTime"], json!(stamp));
    status["hostIP"] = json!("192.0.2.10");
    // A pod has its address as soon as its sandbox is there, before its containers run.
    let is_created = views.iter().any(|(_, view)| !is_creating(view));
    if is_created && object::text(&status, "/podIP").is_empty() {
        core.memory_address(&mut status);
    }
    let all = containers(pod, "containers").iter().zip(views);
    status["containerStatuses"] =
        all.map(|(container, (begin, view))| one(core, pod, container, *begin, view)).collect();
    if !inits.is_empty() {
        let all = containers(pod, "initContainers").iter().zip(inits);
        status["initContainerStatuses"] =
            all.map(|(container, (begin, view))| one(core, pod, container, *begin, view)).collect();
    }
    set_conditions(pod, views, inits, phase, &mut status, &stamp);
    status
}

fn is_creating(view: &View) -> bool {
    matches!(view.state, State::Waiting { reason: "ContainerCreating" | "PodInitializing", .. })
}

fn phase(views: &[(Instant, View)], inits: &[(Instant, View)], restarts: Restarts) -> &'static str {
    let ended = |view: &View| match &view.state {
        State::Terminated(ended) => Some(ended.code),
        _ => None,
    };
    let codes: Vec<_> = views.iter().filter_map(|(_, view)| ended(view)).collect();
    let init_failed = inits.iter().any(|(_, view)| ended(view).is_some_and(|code| code != 0));
    if init_failed && restarts == Restarts::Never {
        return "Failed";
    }
    let is_final =
        restarts == Restarts::Never || restarts == Restarts::OnFailure && codes.iter().all(|code| *code == 0);
    if codes.len() == views.len() && !views.is_empty() && is_final {
        return if codes.iter().all(|code| *code == 0) { "Succeeded" } else { "Failed" };
    }
    let has_run = |view: &View| !matches!(view.state, State::Waiting { .. }) || view.last.is_some();
    if views.iter().any(|(_, view)| has_run(view)) { "Running" } else { "Pending" }
}

fn one(core: &Core, pod: &Value, container: &Value, begin: Instant, view: &View) -> Value {
    let stamp = |since| core.clock.stamp_of(begin + since);
    let ended = |ended: &Ended| {
        json!({
            "exitCode": ended.code, "reason": ended.reason, "startedAt": stamp(ended.started),
            "finishedAt": stamp(ended.finished), "containerID": container_id(pod, container),
        })
    };
    let state = match &view.state {
        State::Running { since } => json!({"running": {"startedAt": stamp(*since)}}),
        State::Terminated(over) => json!({"terminated": ended(over)}),
        State::Waiting { reason, message } if message.is_empty() => json!({"waiting": {"reason": reason}}),
        State::Waiting { reason, message } => json!({"waiting": {"reason": reason, "message": message}}),
    };
    let last = view.last.as_ref().map_or(json!({}), |last| json!({"terminated": ended(last)}));
    let is_running = matches!(view.state, State::Running { .. });
    let was_pulled = is_running || view.last.is_some() || matches!(view.state, State::Terminated(_));
    let image = object::text(container, "/image");
    let id = if was_pulled { container_id(pod, container) } else { String::new() };
    json!({
        "name": container["name"], "image": image, "imageID": if was_pulled { image } else { "" },
        "containerID": id, "ready": view.readiness == Readiness::Ready, "started": is_running,
        "restartCount": view.restarts, "state": state, "lastState": last,
    })
}

fn container_id(pod: &Value, container: &Value) -> String {
    format!("containerd://{}-{}", object::uid(pod), object::text(container, "/name"))
}

fn set_conditions(
    pod: &Value,
    views: &[(Instant, View)],
    inits: &[(Instant, View)],
    phase: &str,
    status: &mut Value,
    stamp: &str,
) {
    let names = |list: &str, views: &[(Instant, View)], is_good: &dyn Fn(&View) -> bool| -> Vec<String> {
        let all = containers(pod, list).iter().zip(views).filter(|(_, (_, view))| !is_good(view));
        all.map(|(container, _)| object::text(container, "/name").to_owned()).collect()
    };
    let unready = names("containers", views, &|view| view.readiness == Readiness::Ready);
    let is_done = |view: &View| matches!(&view.state, State::Terminated(ended) if ended.code == 0);
    let open = names("initContainers", inits, &is_done);
    let initialized = if open.is_empty() {
        Condition::new("Initialized", "True", "", "")
    } else {
        let message = format!("containers with incomplete status: [{}]", open.join(" "));
        Condition::new("Initialized", "False", "ContainersNotInitialized", message)
    };
    let list = &mut status["conditions"];
    conditions::set(list, &initialized, stamp);
    for kind in ["Ready", "ContainersReady"] {
        let condition = match phase {
            "Succeeded" => Condition::new(kind, "False", "PodCompleted", ""),
            "Failed" => Condition::new(kind, "False", "PodFailed", ""),
            _ if unready.is_empty() => Condition::new(kind, "True", "", ""),
            _ => {
                let message = format!("containers with unready status: [{}]", unready.join(" "));
                Condition::new(kind, "False", "ContainersNotReady", message)
            }
        };
        conditions::set(list, &condition, stamp);
    }
}
