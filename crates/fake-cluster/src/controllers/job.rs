//! Jobs: pods until enough have succeeded, or too many failed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::conditions::{self, Condition, is_true};
use super::{Due, events, manager};
use crate::core::Core;
use crate::object;
use crate::store::Key;
use crate::verbs::delete::{self, Propagation};
use crate::write::{self, Ownership, Persist};

pub(super) fn pass(core: &mut Core, due: &mut Due) {
    for job in core.store.list("jobs", "") {
        if object::is_terminating(&job) {
            continue;
        }
        if is_true(&job, "Complete") || is_true(&job, "Failed") {
            expire(core, &job, due);
        } else if job["spec"]["suspend"] != true {
            work(core, &job, due);
        }
    }
}

fn pods(core: &Core, job: &Value) -> Vec<Arc<Value>> {
    let pods = core.store.list("pods", object::text(job, "/metadata/namespace"));
    pods.into_iter().filter(|pod| object::is_controlled_by(pod, object::uid(job))).collect()
}

fn work(core: &mut Core, job: &Value, due: &mut Due) {
    let pods = pods(core, job);
    let of = |phase: &str| pods.iter().filter(|pod| object::text(pod, "/status/phase") == phase).count();
    let (succeeded, failed) = (of("Succeeded"), of("Failed"));
    let running: Vec<_> = pods
        .iter()
        .filter(|pod| !["Succeeded", "Failed"].contains(&object::text(pod, "/status/phase")))
        .filter(|pod| !object::is_terminating(pod))
        .collect();
    let spec = |field: &str| {
        object::number(job, &format!("/spec/{field}")).and_then(|number| usize::try_from(number).ok())
    };
    let completions = spec("completions").unwrap_or(1);
    let mut active = running.len();
    // Restarts within a pod count as failures as well.
    let restarts: u64 = running
        .iter()
        .flat_map(|pod| object::items(pod, "/status/containerStatuses"))
        .filter_map(|status| status["restartCount"].as_u64())
        .sum();
    let failures = failed + usize::try_from(restarts).unwrap_or_default();
    let verdict = if succeeded >= completions {
        Some(Condition::new("Complete", "True", "", ""))
    } else if failures > spec("backoffLimit").unwrap_or(6) {
        let message = "Job has reached the specified backoff limit";
        Some(Condition::new("Failed", "True", "BackoffLimitExceeded", message))
    } else {
        deadline(core, job, due)
    };
    match verdict {
        Some(verdict) if verdict.kind == "Failed" => {
            events::warning(core, events::Source::JobController, job, verdict.reason, &verdict.message);
            for pod in running {
                let key = Key::new("pods", object::text(pod, "/metadata/namespace"), object::name(pod));
                let resource = core.resource("pods");
                delete::remove(core, resource, &key, Propagation::Background, None);
            }
            active = 0;
            write(core, job, (active, succeeded, failed), Some(&verdict));
        }
        Some(verdict) => {
            events::normal(core, events::Source::JobController, job, "Completed", "Job completed");
            write(core, job, (active, succeeded, failed), Some(&verdict));
        }
        None => {
            let wanted = spec("parallelism").unwrap_or(1).min(completions - succeeded);
            while active < wanted && make(core, job) {
                active += 1;
            }
            write(core, job, (active, succeeded, failed), None);
        }
    }
}

fn deadline(core: &Core, job: &Value, due: &mut Due) -> Option<Condition<'static>> {
    let limit = u64::try_from(object::number(job, "/spec/activeDeadlineSeconds")?).ok()?;
    let start = core.memory.jobs.get(object::uid(job)).copied().unwrap_or(core.clock.now());
    let when = start + Duration::from_secs(limit);
    if when > core.clock.now() {
        due.at(when);
        return None;
    }
    let message = "Job was active longer than specified deadline";
    Some(Condition::new("Failed", "True", "DeadlineExceeded", message))
}

fn make(core: &mut Core, job: &Value) -> bool {
    let template = &job["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    object::set(&mut metadata, &["ownerReferences"], json!([object::owner_reference(job)]));
    object::set(&mut metadata, &["generateName"], json!(format!("{}-", object::name(job))));
    let pod = json!({"metadata": metadata, "spec": template["spec"]});
    let name = format!("{}-{}", object::name(job), core.chance.suffix());
    let key = Key::new("pods", object::text(job, "/metadata/namespace"), &name);
    let resource = core.resource("pods");
    let made = write::create(core, resource, key, pod, &manager(""), Ownership::Update, Persist::Kept);
    let (Ok(_), message) = (&made, format!("Created pod: {name}")) else {
        let why = made
            .err()
            .map(|failure| failure.message.replace(&name, &format!("{}-zx9gp", object::name(job))))
            .unwrap_or_default();
        let message = format!("Error creating: {why}");
        let is_told =
            core.store.list("events", object::text(job, "/metadata/namespace")).iter().any(|event| {
                event["involvedObject"]["uid"] == job["metadata"]["uid"]
                    && event["message"] == message.as_str()
            });
        if !is_told {
            events::warning(core, events::Source::JobController, job, "FailedCreate", &message);
        }
        return false;
    };
    events::normal(core, events::Source::JobController, job, "SuccessfulCreate", &message);
    true
}

fn write(core: &mut Core, job: &Value, counts: (usize, usize, usize), verdict: Option<&Condition<'_>>) {
    let now = core.clock.now();
    core.memory.jobs.entry(object::uid(job).to_owned()).or_insert(now);
    let stamp = core.clock.stamp();
    let (active, succeeded, failed) = counts;
    let key = Key::new("jobs", object::text(job, "/metadata/namespace"), object::name(job));
    write::edit(core, &key, &manager("status"), |job| {
        object::default(job, &["status", "startTime"], json!(stamp));
        for (field, count) in [("active", active), ("succeeded", succeeded), ("failed", failed)] {
            object::set(job, &["status", field], if count > 0 { json!(count) } else { Value::Null });
        }
        if let Some(verdict) = verdict {
            let mut list = job["status"]["conditions"].clone();
            conditions::set(&mut list, verdict, &stamp);
            object::set(job, &["status", "conditions"], list);
            if verdict.kind == "Complete" {
                object::set(job, &["status", "completionTime"], json!(stamp));
            }
        }
    });
    if verdict.is_some() {
        core.memory.jobs.insert(object::uid(job).to_owned(), now);
    }
}

/// `ttlSecondsAfterFinished`.
fn expire(core: &mut Core, job: &Value, due: &mut Due) {
    let Some(limit) = object::number(job, "/spec/ttlSecondsAfterFinished") else { return };
    let Some(end) = core.memory.jobs.get(object::uid(job)).copied() else { return };
    let when = end + Duration::from_secs(u64::try_from(limit).unwrap_or_default());
    if when > core.clock.now() {
        due.at(when);
        return;
    }
    let key = Key::new("jobs", object::text(job, "/metadata/namespace"), object::name(job));
    core.store.remove(&key);
}
