//! How pods end whom the cluster itself ends, as when a node is emptied, beside the time that their requests are to have. Pure.

use std::time::Duration;

use bascule_model::manifest::{DRAIN, Stop};
use bascule_model::release::patch::CONTAINER;
use bascule_model::release::{Release, Service};
use serde_json::Value;

use crate::objects::ending;

/// What the release itself says that will cost its users, one sentence each.
pub(crate) fn told(release: &Release) -> Vec<String> {
    let mut told = Vec::new();
    for service in &release.services {
        // Those that come and go one by one wait for what is in flight, whoever ends them.
        if ending::wait(release, service).is_some() {
            continue;
        }
        match pause(release, service) {
            Some(pause) if pause >= service.stop.grace.as_secs() => told.push(never_told(service, pause)),
            // A grace that is longer leaves the app the rest of it.
            Some(_) => {}
            None => told.extend(short(service)),
        }
    }
    told
}

/// Seconds that a patch of the release has the container wait before it is told to end; none where it is told at once.
fn pause(release: &Release, service: &Service) -> Option<u64> {
    let patches = release.cluster.iter().flat_map(|cluster| &cluster.patches);
    let of_it = patches.filter(|one| one.service.as_ref().is_none_or(|name| *name == service.name));
    // What a later one says is what holds.
    of_it.filter_map(|one| seconds(hook(&one.changes)?)).next_back()
}

fn hook(changes: &Value) -> Option<&Value> {
    let containers = changes.pointer("/spec/template/spec/containers")?.as_array()?;
    let own = containers.iter().find(|container| container["name"] == CONTAINER)?;
    own.pointer("/lifecycle/preStop")
}

/// How long a `preStop` waits, where that can be read off it: the cluster's own wait, or the program `sleep`.
fn seconds(hook: &Value) -> Option<u64> {
    if let Some(seconds) = hook.pointer("/sleep/seconds") {
        return seconds.as_u64();
    }
    let words = hook.pointer("/exec/command")?.as_array()?;
    let text: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    // `sleep 5`, or the same through a shell.
    let text = text.join(" ");
    let mut words = text.split_whitespace().skip_while(|word| *word != "sleep" && !word.ends_with("/sleep"));
    words.next()?;
    words.next()?.trim_end_matches('s').parse::<f64>().ok().map(|seconds| seconds.ceil() as u64)
}

fn never_told(service: &Service, pause: u64) -> String {
    format!(
        "{}: its `preStop` waits {pause} s, and `stop.grace` is {} s: the cluster kills the pod before the app is told to end: let \
         `stop.grace` be longer, by what the app needs to end",
        service.name,
        service.stop.grace.as_secs()
    )
}

fn short(service: &Service) -> Option<String> {
    // Who has said neither is not told at each plan: a node is seldom emptied, and few requests last that long.
    let usual: (Duration, Duration) = (Stop::default().grace.into(), DRAIN.into());
    let is_said = (service.stop.grace, service.drain) != usual;
    let costs = service.traffic.is_some() && service.stop.grace < service.drain && is_said;
    costs.then(|| {
        format!(
            "{}: requests in flight get {} s (`stop.grace`), not {} s (`drain`), where the cluster itself ends a pod, as when a node is \
             emptied: let `stop.grace` be no shorter than `drain`",
            service.name,
            service.stop.grace.as_secs(),
            service.drain.as_secs()
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_long_a_hook_waits() {
        for (hook, expected) in [
            (json!({ "sleep": { "seconds": 7 } }), Some(7)),
            (json!({ "exec": { "command": ["sleep", "5"] } }), Some(5)),
            (json!({ "exec": { "command": ["/bin/sleep", "2.5"] } }), Some(3)),
            (json!({ "exec": { "command": ["sh", "-c", "sleep 10s"] } }), Some(10)),
            (json!({ "exec": { "command": ["nginx", "-s", "quit"] } }), None),
            (json!({ "exec": { "command": ["sleep"] } }), None),
            (json!({ "httpGet": { "path": "/end" } }), None),
            (json!({ "sleep": { "seconds": "7" } }), None),
        ] {
            assert_eq!(seconds(&hook), expected, "{hook}");
        }
    }
}
