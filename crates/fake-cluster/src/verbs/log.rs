//! `pods/log`: what the script of the container's image writes.

use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep_until};

use crate::answer::Answer;
use crate::core::Core;
use crate::failure::Failure;
use crate::object;
use crate::request::{Query, Target};
use crate::shared::Shared;
use crate::store::Key;

pub(crate) fn log(shared: &Shared, core: &Core, target: &Target, query: &Query) -> Result<Answer, Failure> {
    let key = Key::new("pods", &target.namespace, &target.name);
    let pod = core.store.get(&key).ok_or_else(|| Failure::not_found(target.resource, &target.name))?;
    let container = container(pod, query)?;
    let name = object::name(container);
    let name = if name.is_empty() { object::text(container, "/name") } else { name };
    let script = core.script(container);
    let status = status(pod, name);
    let was_restarted = status.is_some_and(|one| !one["lastState"]["terminated"].is_null());
    let lines = if query.is_on("previous") {
        if !was_restarted {
            let pod = &key.name;
            let message = format!("previous terminated container {name:?} in pod {pod:?} not found");
            return Err(Failure::bad_request(message));
        }
        if script.previous_logs.is_empty() { script.logs } else { script.previous_logs }
    } else {
        let waiting = status.map_or("ContainerCreating", |one| object::text(one, "/state/waiting/reason"));
        if !waiting.is_empty() && !was_restarted {
            let why = if waiting.contains("Image") {
                "trying and failing to pull image".to_owned()
            } else {
                waiting.to_owned()
            };
            let message = format!("container {name:?} in pod {:?} is waiting to start: {why}", key.name);
            return Err(Failure::bad_request(message));
        }
        script.logs
    };
    let text = text(&lines, query, &core.clock.stamp());
    if query.is_on("follow") {
        return Ok(follow(shared, key, object::uid(pod).to_owned(), text));
    }
    Ok(Answer::Text(text))
}

fn container<'a>(pod: &'a Value, query: &Query) -> Result<&'a Value, Failure> {
    let main = object::items(pod, "/spec/containers");
    let all = || main.iter().chain(object::items(pod, "/spec/initContainers"));
    match (query.get("container"), main) {
        (Some(wanted), _) => all().find(|one| one["name"] == wanted).ok_or_else(|| {
            Failure::bad_request(format!("container {wanted} is not valid for pod {}", object::name(pod)))
        }),
        (None, [one]) => Ok(one),
        (None, many) => {
            let names: Vec<_> = many.iter().map(|one| object::text(one, "/name")).collect();
            Err(Failure::bad_request(format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                object::name(pod),
                names.join(" ")
            )))
        }
    }
}

fn status<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    let lists = ["/status/containerStatuses", "/status/initContainerStatuses"];
    lists.into_iter().flat_map(|list| object::items(pod, list)).find(|one| one["name"] == name)
}

fn text(lines: &[String], query: &Query, stamp: &str) -> String {
    let tail = query.number("tailLines").and_then(|tail| usize::try_from(tail).ok()).unwrap_or(lines.len());
    let shown = lines.iter().skip(lines.len().saturating_sub(tail));
    let mut text: String = if query.is_on("timestamps") {
        shown.map(|line| format!("{stamp} {line}\n")).collect()
    } else {
        shown.map(|line| format!("{line}\n")).collect()
    };
    if let Some(limit) = query.number("limitBytes").and_then(|limit| usize::try_from(limit).ok()) {
        let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// The lines, then nothing more until the pod is gone.
fn follow(shared: &Shared, key: Key, uid: String, text: String) -> Answer {
    let shared = shared.clone();
    let lines = stream::unfold(Some(text), move |text| {
        let (shared, key, uid) = (shared.clone(), key.clone(), uid.clone());
        async move {
            match text {
                Some(text) if !text.is_empty() => Some((Bytes::from(text), None)),
                _ => {
                    until_gone(&shared, &key, &uid).await;
                    None
                }
            }
        }
    });
    Answer::Stream { content_type: "text/plain", lines: Box::pin(lines) }
}

async fn until_gone(shared: &Shared, key: &Key, uid: &str) {
    loop {
        let (mut changed, wake) = {
            let mut core = shared.lock();
            core.settle();
            let is_over = core.store.get(key).is_none_or(|pod| {
                object::uid(pod) != uid
                    || ["Succeeded", "Failed"].contains(&object::text(pod, "/status/phase"))
            });
            if is_over {
                return;
            }
            (core.store.subscribe(), core.due.unwrap_or_else(|| Instant::now() + Duration::from_secs(60)))
        };
        tokio::select! {
            _ = changed.changed() => {}
            () = sleep_until(wake) => {}
        }
    }
}
