//! Events about objects; one that repeats is counted.

use serde_json::{Value, json};

use crate::core::Core;
use crate::managers::Actor;
use crate::object;
use crate::store::Key;
use crate::write::{self, Ownership, Persist};

/// Who tells.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Kubelet,
    Scheduler,
    DeploymentController,
    ReplicaSetController,
    JobController,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet",
            Self::Scheduler => "default-scheduler",
            Self::DeploymentController => "deployment-controller",
            Self::ReplicaSetController => "replicaset-controller",
            Self::JobController => "job-controller",
        }
    }
}

pub(super) fn normal(core: &mut Core, source: Source, about: &Value, reason: &str, message: &str) {
    write(core, source, about, "Normal", reason, message);
}

pub(super) fn warning(core: &mut Core, source: Source, about: &Value, reason: &str, message: &str) {
    write(core, source, about, "Warning", reason, message);
}

fn write(core: &mut Core, source: Source, about: &Value, kind: &str, reason: &str, message: &str) {
    let now = core.clock.stamp();
    let namespace = object::text(about, "/metadata/namespace").to_owned();
    let actor = Actor::update(source.name(), "");
    let same = core.store.list("events", &namespace).into_iter().find(|event| {
        event["involvedObject"]["uid"] == about["metadata"]["uid"]
            && event["reason"] == reason
            && event["message"] == message
    });
    if let Some(event) = same {
        let key = Key::new("events", &namespace, object::name(&event));
        write::edit(core, &key, &actor, |event| {
            event["count"] = json!(object::number(event, "/count").unwrap_or(1) + 1);
            event["lastTimestamp"] = json!(now);
        });
        return;
    }
    let name = format!("{}.{}", object::name(about), core.chance.hex());
    let host = if matches!(source, Source::Kubelet) { json!("node-1") } else { Value::Null };
    let event = json!({
        "metadata": {"name": name},
        "involvedObject": {
            "kind": about["kind"], "apiVersion": about["apiVersion"], "namespace": namespace,
            "name": about["metadata"]["name"], "uid": about["metadata"]["uid"],
            "resourceVersion": about["metadata"]["resourceVersion"],
        },
        "type": kind, "reason": reason, "message": message, "count": 1,
        "source": {"component": source.name(), "host": host}, "reportingComponent": source.name(),
        "reportingInstance": "", "firstTimestamp": now, "lastTimestamp": now, "eventTime": null,
    });
    let resource = core.resource("events");
    let key = Key::new("events", &namespace, &name);
    // A namespace that goes takes no events.
    drop(write::create(core, resource, key, event, &actor, Ownership::Update, Persist::Kept));
}
