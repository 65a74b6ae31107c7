//! The subresource `scale` of Deployments and ReplicaSets, as `autoscaling/v1` `Scale`.

use serde_json::{Value, json};

use super::patch::read;
use crate::answer::Answer;
use crate::core::Core;
use crate::failure::Failure;
use crate::kinds::{Flavour, Resource};
use crate::managers::{Actor, Operation};
use crate::object;
use crate::patch::Patch;
use crate::request::{Request, Target};
use crate::selector::as_text;
use crate::store::Key;
use crate::write::{self, Ownership};

/// Reads or writes the scale of an object.
pub(crate) fn scale(core: &mut Core, target: &Target, request: &Request) -> Result<Answer, Failure> {
    let resource = core.resource(target.resource.plural);
    let key = Key::new(resource.plural, &target.namespace, &target.name);
    let live = core.store.get(&key).cloned().ok_or_else(|| Failure::not_found(resource, &key.name))?;
    let wanted = match request.method.as_str() {
        "GET" => return Ok(Answer::ok(shown(&live))),
        "PUT" => request.object()?,
        "PATCH" => {
            let (format, body) = read(request)?;
            Patch { format, conflicts: request.conflicts(), body: &body }.on(resource, &shown(&live))?
        }
        _ => return Err(Failure::of_code(405, Some(resource), &key.name)),
    };
    let changed = write_back(core, resource, &key, &live, &wanted, request)?;
    Ok(Answer::ok(shown(&changed)))
}

fn write_back(
    core: &mut Core,
    resource: &'static Resource,
    key: &Key,
    live: &Value,
    wanted: &Value,
    request: &Request,
) -> Result<Value, Failure> {
    let mut new = live.clone();
    object::set(
        &mut new,
        &["spec", "replicas"],
        json!(object::number(wanted, "/spec/replicas").unwrap_or(0)),
    );
    object::set(&mut new, &["metadata", "resourceVersion"], wanted["metadata"]["resourceVersion"].clone());
    let actor = Actor { subresource: "scale", ..request.actor(Operation::Update, "") };
    // Old servers do not notice whose the replicas are that are written in this way.
    let ownership = if core.flavour == Flavour::Old { Ownership::Kept } else { Ownership::Update };
    write::update(core, resource, key, new, &actor, ownership, request.persist())
}

fn shown(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {
            "replicas": object::number(object, "/status/replicas").unwrap_or(0),
            "selector": as_text(&object["spec"]["selector"]["matchLabels"]),
        },
    })
}
