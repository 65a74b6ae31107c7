//! The one way by which an object is changed, whoever changes it: what may be changed, defaults, validation,
//! generation, field managers, finalizers.

use serde_json::{Value, json};

use crate::admission;
use crate::core::Core;
use crate::defaults;
use crate::failure::Failure;
use crate::fields::Set;
use crate::kinds::Resource;
use crate::managers::{self, Actor, Entry};
use crate::object;
use crate::store::Key;
use crate::validation;

/// Whether a write is kept or only answered (`dryRun=All`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persist {
    Kept,
    DryRun,
}

/// What a write does to field managers.
#[derive(Debug)]
pub(crate) enum Ownership {
    /// By what changed.
    Update,
    /// Not at all: managers are left as they were.
    Kept,
    /// Server-side apply: the entries that are left of the others, and what was applied.
    Apply { others: Vec<Entry>, applied: Set },
}

/// Makes a new object. Its namespace and name are those of the key, but for a name that is to be generated.
pub(crate) fn create(
    core: &mut Core,
    resource: &'static Resource,
    mut key: Key,
    mut new: Value,
    actor: &Actor,
    ownership: Ownership,
    persist: Persist,
) -> Result<Value, Failure> {
    check_form(&new)?;
    object::without_nulls(&mut new);
    let prefix = object::text(&new, "/metadata/generateName").to_owned();
    if key.name.is_empty() && !prefix.is_empty() {
        key.name = format!("{prefix}{}", core.chance.suffix());
    }
    for field in ["resourceVersion", "managedFields", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        object::set(&mut new, &["metadata", field], Value::Null);
    }
    object::set(&mut new, &["metadata", "name"], json!(key.name));
    if !key.namespace.is_empty() {
        object::set(&mut new, &["metadata", "namespace"], json!(key.namespace));
    }
    object::set(&mut new, &["metadata", "uid"], json!(core.chance.uid()));
    object::set(&mut new, &["metadata", "creationTimestamp"], json!(core.clock.stamp()));
    if resource.counts_generation(core.flavour) {
        object::set(&mut new, &["metadata", "generation"], json!(1));
    }
    if resource.has("status") {
        new["status"] = json!({});
    }
    defaults::fill(core, resource, None, &mut new);
    object::without_nulls(&mut new);
    validation::check(resource, &new)?;
    admission::namespace(core, resource, &key)?;
    if let Some(live) = core.store.get(&key) {
        return Err(Failure::already_exists(resource, &key.name, live));
    }
    admission::create(core, resource, &key, &mut new)?;
    own(core, None, &mut new, actor, ownership);
    if persist == Persist::DryRun {
        return Ok(new);
    }
    Ok(core.store.put(key, new).as_ref().clone())
}

/// Changes an object that is there.
pub(crate) fn update(
    core: &mut Core,
    resource: &'static Resource,
    key: &Key,
    mut new: Value,
    actor: &Actor,
    ownership: Ownership,
    persist: Persist,
) -> Result<Value, Failure> {
    let Some(old) = core.store.get(key).cloned() else {
        return Err(Failure::not_found(resource, &key.name));
    };
    check_form(&new)?;
    object::without_nulls(&mut new);
    let version = object::text(&new, "/metadata/resourceVersion");
    if !version.is_empty() && version != object::text(&old, "/metadata/resourceVersion") {
        return Err(Failure::modified(resource, &key.name));
    }
    let uid = object::uid(&new);
    if !uid.is_empty() && uid != object::uid(&old) {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            object::uid(&old)
        );
        return Err(Failure::conflict(resource, &key.name, &why));
    }
    keep_what_is_the_servers(&old, &mut new);
    match actor.subresource {
        "status" => {
            let status = new["status"].take();
            let metadata_version = object::text(&new, "/metadata/resourceVersion").to_owned();
            new = old.as_ref().clone();
            object::set(&mut new, &["metadata", "resourceVersion"], json!(metadata_version));
            object::set(&mut new, &["status"], status);
        }
        _ if resource.has("status") => object::set(&mut new, &["status"], old["status"].clone()),
        _ => {}
    }
    defaults::fill(core, resource, Some(&old), &mut new);
    object::without_nulls(&mut new);
    validation::check(resource, &new)?;
    validation::check_change(resource, &old, &new)?;
    if resource.counts_generation(core.flavour) && specification_changed(&old, &new) {
        let generation = object::number(&old, "/metadata/generation").unwrap_or(0) + 1;
        object::set(&mut new, &["metadata", "generation"], json!(generation));
    }
    own(core, Some(&old), &mut new, actor, ownership);
    object::set(&mut new, &["metadata", "resourceVersion"], old["metadata"]["resourceVersion"].clone());
    if persist == Persist::DryRun || new == *old {
        return Ok(new);
    }
    if object::is_terminating(&new)
        && object::items(&new, "/metadata/finalizers").is_empty()
        && resource.plural != "pods"
    {
        core.store.remove(key);
        return Ok(new);
    }
    Ok(core.store.put(key.clone(), new).as_ref().clone())
}

/// A change by a controller. Nothing happens when the object is gone, or nothing changes.
pub(crate) fn edit(core: &mut Core, key: &Key, actor: &Actor, change: impl FnOnce(&mut Value)) {
    let Some(old) = core.store.get(key).cloned() else { return };
    let mut new = old.as_ref().clone();
    change(&mut new);
    if new == *old {
        return;
    }
    let resource = core.resource(key.plural);
    // A controller of the real server would be refused in the same way, and try again.
    drop(update(core, resource, key, new, actor, Ownership::Update, Persist::Kept));
}

/// What would not even be read.
fn check_form(new: &Value) -> Result<(), Failure> {
    let is_wrong = |part: &Value| !part.is_null() && !part.is_object();
    if !new.is_object() || ["metadata", "spec", "status", "data"].iter().any(|part| is_wrong(&new[part])) {
        return Err(Failure::bad_request(
            "the object provided is unrecognized: it has not the form of an object",
        ));
    }
    Ok(())
}

fn own(core: &Core, old: Option<&Value>, new: &mut Value, actor: &Actor, ownership: Ownership) {
    let time = core.clock.stamp();
    match ownership {
        Ownership::Update => {
            // A write that changes nothing leaves the entries, and so the version, as they are.
            managers::update(old, new, actor, &time, core.flavour);
        }
        Ownership::Kept => {
            let before = old.map_or(Value::Null, |old| old["metadata"]["managedFields"].clone());
            object::set(new, &["metadata", "managedFields"], before);
        }
        Ownership::Apply { others, applied } => {
            managers::apply(new, others, actor, applied, &time, core.flavour);
        }
    }
}

fn keep_what_is_the_servers(old: &Value, new: &mut Value) {
    for field in [
        "uid",
        "name",
        "namespace",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
    ] {
        object::set(new, &["metadata", field], old["metadata"][field].clone());
    }
    for field in ["apiVersion", "kind"] {
        new[field] = old[field].clone();
    }
}

/// Whether anything but metadata and status changed.
fn specification_changed(old: &Value, new: &Value) -> bool {
    let content = |value: &Value| {
        let mut content = value.clone();
        for field in ["metadata", "status"] {
            object::set(&mut content, &[field], Value::Null);
        }
        content
    };
    content(old) != content(new)
}
