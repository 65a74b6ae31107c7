//! `delete`: at once, or when what has to come first is done.

use serde_json::{Value, json};
use std::time::Duration;

use crate::answer::Answer;
use crate::convert;
use crate::core::Core;
use crate::failure::{Failure, details};
use crate::kinds::Resource;
use crate::object;
use crate::request::{Request, Target};
use crate::store::Key;
use crate::write::Persist;

/// What becomes of the objects that an object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They go after it.
    Background,
    /// They go before it.
    Foreground,
    /// They stay.
    Orphan,
}

pub(crate) fn delete(core: &mut Core, target: &Target, request: &Request) -> Result<Answer, Failure> {
    let resource = target.resource;
    let options = if request.body.is_empty() { Value::Null } else { request.json()? };
    let key = Key::new(resource.plural, &target.namespace, &target.name);
    let live = core.store.get(&key).cloned().ok_or_else(|| Failure::not_found(resource, &key.name))?;
    check_preconditions(resource, &key, &options, &live)?;
    let propagation = match options["propagationPolicy"].as_str().or(request.query.get("propagationPolicy")) {
        Some("Foreground") => Propagation::Foreground,
        Some("Orphan") => Propagation::Orphan,
        // So it was in the beginning of Jobs, and so it has stayed: their pods are left behind.
        None if resource.plural == "jobs" => Propagation::Orphan,
        _ => Propagation::Background,
    };
    let dry = options["dryRun"].as_array().is_some_and(|all| !all.is_empty())
        || request.persist() == Persist::DryRun;
    let grace = options["gracePeriodSeconds"].as_u64().or(request.query.number("gracePeriodSeconds"));
    let stays = if dry { None } else { remove(core, resource, &key, propagation, grace) };
    Ok(Answer::ok(match stays {
        Some(object) => convert::to(resource, &object),
        None if resource.plural == "pods" => convert::to(resource, &live),
        None => {
            let mut details = details(resource.group, resource.plural, &key.name);
            details["uid"] = live["metadata"]["uid"].clone();
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
        }
    }))
}

fn check_preconditions(resource: &Resource, key: &Key, options: &Value, live: &Value) -> Result<(), Failure> {
    for (field, name) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let (wanted, is) = (&options["preconditions"][field], &live["metadata"][field]);
        if !wanted.is_null() && wanted != is {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            return Err(Failure::precondition(resource, &key.name, name, (&text(wanted), &text(is))));
        }
    }
    Ok(())
}

/// Deletes an object, or marks it where something has to come first; then it is answered as it is now.
/// `grace` is in seconds and for pods.
pub(crate) fn remove(
    core: &mut Core,
    resource: &'static Resource,
    key: &Key,
    propagation: Propagation,
    grace: Option<u64>,
) -> Option<Value> {
    let live = core.store.get(key).cloned()?;
    if propagation == Propagation::Orphan {
        orphan(core, object::uid(&live));
    }
    if resource.plural == "namespaces" {
        let inside: Vec<_> = core.store.keys().filter(|one| one.namespace == key.name).cloned().collect();
        for one in &inside {
            core.store.remove(one);
        }
    }
    let own = || {
        object::number(&live, "/spec/terminationGracePeriodSeconds").and_then(|own| u64::try_from(own).ok())
    };
    let is_bound = !object::text(&live, "/spec/nodeName").is_empty();
    let has_ended = ["Succeeded", "Failed"].contains(&object::text(&live, "/status/phase"));
    let grace = if resource.plural == "pods" && is_bound && !has_ended {
        grace.or_else(own).unwrap_or(30)
    } else {
        0
    };
    let finalizers = object::items(&live, "/metadata/finalizers").len();
    if grace == 0 && finalizers == 0 && propagation != Propagation::Foreground {
        core.store.remove(key);
        return None;
    }
    let mut marked = live.as_ref().clone();
    if !object::is_terminating(&live) {
        let when = core.clock.now() + Duration::from_secs(grace);
        object::set(&mut marked, &["metadata", "deletionTimestamp"], json!(core.clock.stamp_of(when)));
        object::set(&mut marked, &["metadata", "deletionGracePeriodSeconds"], json!(grace));
        if let Some(generation) = object::number(&live, "/metadata/generation") {
            object::set(&mut marked, &["metadata", "generation"], json!(generation + 1));
        }
        if propagation == Propagation::Foreground && resource.plural != "pods" {
            let mut all = object::items(&live, "/metadata/finalizers").to_vec();
            all.push(json!("foregroundDeletion"));
            object::set(&mut marked, &["metadata", "finalizers"], json!(all));
        }
    } else if grace
        < u64::try_from(object::number(&live, "/metadata/deletionGracePeriodSeconds").unwrap_or(0))
            .unwrap_or(0)
    {
        object::set(&mut marked, &["metadata", "deletionGracePeriodSeconds"], json!(grace));
    }
    if marked == *live {
        return Some(marked);
    }
    Some(core.store.put(key.clone(), marked).as_ref().clone())
}

fn orphan(core: &mut Core, uid: &str) {
    let owned: Vec<_> = core
        .store
        .iter()
        .filter(|(_, object)| {
            object::items(object, "/metadata/ownerReferences").iter().any(|one| one["uid"] == uid)
        })
        .map(|(key, object)| (key.clone(), object.as_ref().clone()))
        .collect();
    for (key, mut object) in owned {
        let others =
            object::items(&object, "/metadata/ownerReferences").iter().filter(|one| one["uid"] != uid);
        let others: Vec<_> = others.cloned().collect();
        object::set(
            &mut object,
            &["metadata", "ownerReferences"],
            if others.is_empty() { Value::Null } else { json!(others) },
        );
        core.store.put(key, object);
    }
}
