//! What the kubelet tells in events: each new state of a container, once.

use serde_json::Value;
use tokio::time::Instant;

use super::containers;
use super::events::{self, Source};
use crate::core::Core;
use crate::object;
use crate::script::{Readiness, State, View};

/// Tells what changed since the last time.
pub(super) fn changes(core: &mut Core, pod: &Value, views: &[(Instant, View)]) {
    for (container, (_, view)) in containers(pod, "containers").iter().zip(views) {
        let name = object::text(container, "/name").to_owned();
        let label = label(view);
        if !is_new(core, pod, &name, &label) {
            continue;
        }
        state(core, pod, container, view);
    }
}

/// Tells a warning, unless it was the last that was told about this.
pub(super) fn once(core: &mut Core, pod: &Value, about: &str, reason: &str, message: &str) {
    if is_new(core, pod, about, message) {
        events::warning(core, Source::Kubelet, pod, reason, message);
    }
}

fn is_new(core: &mut Core, pod: &Value, about: &str, label: &str) -> bool {
    let run = core.memory.pods.entry(object::uid(pod).to_owned()).or_default();
    match run.told.iter_mut().find(|(one, _)| one == about) {
        Some((_, told)) if told == label => false,
        Some((_, told)) => {
            label.clone_into(told);
            true
        }
        None => {
            run.told.push((about.to_owned(), label.to_owned()));
            true
        }
    }
}

fn label(view: &View) -> String {
    match &view.state {
        State::Waiting { reason, message } => format!("{reason} {message} {}", view.restarts),
        State::Running { .. } => format!("running {} {:?}", view.restarts, view.readiness),
        State::Terminated(ended) => format!("ended {} {}", ended.code, view.restarts),
    }
}

fn state(core: &mut Core, pod: &Value, container: &Value, view: &View) {
    let (name, image) = (object::text(container, "/name"), object::text(container, "/image"));
    let mut normal =
        |reason: &str, message: String| events::normal(core, Source::Kubelet, pod, reason, &message);
    match &view.state {
        State::Running { .. } if view.readiness == Readiness::NotReady => {
            normal("Pulled", format!("Container image {image:?} already present on machine"));
            normal("Created", format!("Created container {name}"));
            normal("Started", format!("Started container {name}"));
            if has_probe(container) || view.next.is_none() {
                let message = "Readiness probe failed: HTTP probe failed with statuscode: 503";
                events::warning(core, Source::Kubelet, pod, "Unhealthy", message);
            }
        }
        State::Running { .. } => {
            normal("Started", format!("Started container {name}"));
        }
        State::Terminated(_) => {}
        State::Waiting { reason, message } => waiting(core, pod, (name, image), reason, message),
    }
}

fn has_probe(container: &Value) -> bool {
    container["readinessProbe"].is_object()
}

fn waiting(core: &mut Core, pod: &Value, (name, image): (&str, &str), reason: &str, message: &str) {
    let mut warning =
        |reason: &str, message: String| events::warning(core, Source::Kubelet, pod, reason, &message);
    match reason {
        "ErrImagePull" => {
            warning("Failed", format!("Failed to pull image {image:?}: {message}"));
            warning("Failed", "Error: ErrImagePull".to_owned());
        }
        "ImagePullBackOff" => {
            let message = format!("Back-off pulling image {image:?}");
            events::normal(core, Source::Kubelet, pod, "BackOff", &message);
            events::warning(core, Source::Kubelet, pod, "Failed", "Error: ImagePullBackOff");
        }
        "InvalidImageName" => {
            warning("InspectFailed", format!("Failed to apply default image tag {image:?}: {message}"));
            warning("Failed", "Error: InvalidImageName".to_owned());
        }
        "CreateContainerConfigError" => warning("Failed", format!("Error: {message}")),
        "CrashLoopBackOff" => {
            warning(
                "BackOff",
                format!("Back-off restarting failed container {name} in pod {}", object::name(pod)),
            );
        }
        _ => {}
    }
}
