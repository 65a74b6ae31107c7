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
            Some(pause) if pause.is_over(service.stop.grace) => told.push(told_late(service, pause)),
            // A pause is a part of the grace: what is in flight gets no more by it.
            _ => told.extend(short(service)),
        }
    }
    told
}

/// How long a container waits before it is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    Seconds(u64),
    Forever,
}

impl Pause {
    /// Whether nothing of the grace is left after it.
    fn is_over(self, grace: Duration) -> bool {
        match self {
            Self::Seconds(seconds) => seconds >= grace.as_secs(),
            Self::Forever => true,
        }
    }
}

/// How long the release's patches have the container wait before it is told to end; none where it is told at once, or that cannot be
/// read off them.
fn pause(release: &Release, service: &Service) -> Option<Pause> {
    let patches = release.cluster.iter().flat_map(|cluster| &cluster.patches);
    let of_it = patches.filter(|one| one.service.as_ref().is_none_or(|name| *name == service.name));
    // What a later one says is what holds, also where it cannot be read.
    of_it.filter_map(|one| hook(&one.changes)).next_back().and_then(waits)
}

fn hook(changes: &Value) -> Option<&Value> {
    let containers = changes.pointer("/spec/template/spec/containers")?.as_array()?;
    let own = containers.iter().find(|container| container["name"] == CONTAINER)?;
    own.pointer("/lifecycle/preStop")
}

/// How long a `preStop` waits, where that can be read off it: the cluster's own wait, or the program `sleep`.
fn waits(hook: &Value) -> Option<Pause> {
    if let Some(seconds) = hook.pointer("/sleep/seconds") {
        return seconds.as_u64().map(Pause::Seconds);
    }
    let words = hook.pointer("/exec/command")?.as_array()?;
    let text: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    // `sleep 5`, or the same through a shell.
    let text = text.join(" ");
    let mut words = text.split_whitespace().skip_while(|word| *word != "sleep" && !word.ends_with("/sleep"));
    words.next()?;
    length(words.next()?.trim_end_matches([';', '&', '"', '\'', ')']))
}

/// What the program `sleep` makes of a word: seconds, or minutes, hours and days by their letter.
fn length(word: &str) -> Option<Pause> {
    let (number, unit) = match word.chars().next_back()? {
        's' => (word.strip_suffix('s')?, 1.0),
        'm' => (word.strip_suffix('m')?, 60.0),
        'h' => (word.strip_suffix('h')?, 3600.0),
        'd' => (word.strip_suffix('d')?, 86400.0),
        _ => (word, 1.0),
    };
    let seconds = number.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0)? * unit;
    Some(if seconds.is_finite() { Pause::Seconds(seconds.ceil() as u64) } else { Pause::Forever })
}

fn told_late(service: &Service, pause: Pause) -> String {
    let pause = match pause {
        Pause::Seconds(seconds) => format!("{seconds} s"),
        Pause::Forever => "forever".to_owned(),
    };
    format!(
        "{}: its `preStop` waits {pause}, and `stop.grace` is {} s: the app is told to end when that is over, and has about 2 s until the \
         cluster kills it: let `stop.grace` be longer, by what the app needs to end",
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
            (json!({ "sleep": { "seconds": 7 } }), Some(Pause::Seconds(7))),
            (json!({ "exec": { "command": ["sleep", "5"] } }), Some(Pause::Seconds(5))),
            (json!({ "exec": { "command": ["/bin/sleep", "2.5"] } }), Some(Pause::Seconds(3))),
            (json!({ "exec": { "command": ["sh", "-c", "sleep 10s"] } }), Some(Pause::Seconds(10))),
            (
                json!({ "exec": { "command": ["sh", "-c", "sleep 10; nginx -s quit"] } }),
                Some(Pause::Seconds(10)),
            ),
            (
                json!({ "exec": { "command": ["sh", "-c", "/bin/sleep 2m && nginx -s quit"] } }),
                Some(Pause::Seconds(120)),
            ),
            (json!({ "exec": { "command": ["sleep", "infinity"] } }), Some(Pause::Forever)),
            (json!({ "exec": { "command": ["sh", "-c", "sleep $WAIT"] } }), None),
            (json!({ "exec": { "command": ["nginx", "-s", "quit"] } }), None),
            (json!({ "exec": { "command": ["sleep"] } }), None),
            (json!({ "httpGet": { "path": "/end" } }), None),
            (json!({ "sleep": { "seconds": "7" } }), None),
        ] {
            assert_eq!(waits(&hook), expected, "{hook}");
        }
    }
}
