//! Server-side apply: what the manager says is set, what only it said and says no longer goes, what others own is
//! refused or taken over.

use serde_json::{Value, json};

use super::{Conflicts, Outcome, Patch};
use crate::core::Core;
use crate::failure::Failure;
use crate::fields::{self, Path, Set, Shape};
use crate::kinds::{Flavour, Resource};
use crate::managers::{self, Actor, Entry};
use crate::object;
use crate::store::Key;
use crate::write::{self, Ownership, Persist};

pub(super) fn apply(
    core: &mut Core,
    resource: &'static Resource,
    key: &Key,
    live: Option<&Value>,
    patch: &Patch<'_>,
    actor: &Actor,
    persist: Persist,
) -> Result<(Outcome, Value), Failure> {
    let mut wanted = patch.body.clone();
    check(core, resource, key, &wanted)?;
    object::without_nulls(&mut wanted);
    let shape = Shape { kind: resource.kind, flavour: core.flavour };
    let applied = said(&wanted, resource, actor, shape);
    let Some(live) = live else {
        if !actor.subresource.is_empty() {
            return Err(Failure::not_found(resource, &key.name));
        }
        let ownership = Ownership::Apply { others: Vec::new(), applied };
        let created = write::create(core, resource, key.clone(), wanted, actor, ownership, persist)?;
        return Ok((Outcome::Created, created));
    };
    let version = wanted["metadata"]["resourceVersion"].take();
    let mut entries = managers::read(live);
    settle_conflicts(&mut entries, live, &wanted, &applied, patch.conflicts, actor, core)?;
    let mut new = live.clone();
    give_up(&mut new, &entries, &applied, actor, core);
    // The configuration's metadata of the server's own is not laid over the live one.
    object::set(&mut wanted, &["metadata", "managedFields"], Value::Null);
    object::set(&mut wanted, &["metadata", "resourceVersion"], Value::Null);
    fields::merge(&mut new, &wanted, shape);
    object::set(&mut new, &["metadata", "resourceVersion"], version);
    let ownership = Ownership::Apply { others: entries, applied };
    let changed = write::update(core, resource, key, new, actor, ownership, persist)?;
    Ok((Outcome::Changed, changed))
}

fn check(core: &Core, resource: &Resource, key: &Key, wanted: &Value) -> Result<(), Failure> {
    if wanted["kind"] != resource.kind {
        let message = format!(
            "failed to create typed patch object: expected kind {}, got {}",
            resource.kind, wanted["kind"]
        );
        return Err(Failure::bad_request(message));
    }
    let name = object::name(wanted);
    if !name.is_empty() && name != key.name {
        let message =
            format!("the name of the object ({name}) does not match the name on the URL ({})", key.name);
        return Err(Failure::bad_request(message));
    }
    if !object::items(wanted, "/metadata/managedFields").is_empty() {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    // Old servers cannot tell the ports of a Service apart without their protocol.
    let ports = object::items(wanted, "/spec/ports");
    if core.flavour == Flavour::Old
        && resource.plural == "services"
        && let Some(index) = ports.iter().position(|port| port["protocol"].is_null())
    {
        return Err(Failure::unreasoned(&format!(
            "failed to create typed patch object: .spec.ports: element {index}: associative list with keys has an \
             element that omits key field \"protocol\" (and doesn't have default value)"
        )));
    }
    Ok(())
}

/// The fields that the configuration sets, without those that this way does not write.
fn said(wanted: &Value, resource: &Resource, actor: &Actor, shape: Shape<'_>) -> Set {
    let mut written = wanted.clone();
    if actor.subresource == "status" {
        object::set(&mut written, &["spec"], Value::Null);
    } else if resource.has("status") {
        object::set(&mut written, &["status"], Value::Null);
    }
    fields::of(&written, shape)
}

/// Fields of others that would get another value: refused, or taken from them.
fn settle_conflicts(
    entries: &mut [Entry],
    live: &Value,
    wanted: &Value,
    applied: &Set,
    conflicts: Conflicts,
    actor: &Actor,
    core: &Core,
) -> Result<(), Failure> {
    let differs = |path: &Path| {
        let is_item = matches!(path.last(), Some(fields::Element::Key(_)));
        !is_item && fields::at(live, path) != fields::at(wanted, path)
    };
    let mut found = Vec::new();
    for entry in entries.iter_mut().filter(|entry| !entry.is_of(actor, core.flavour)) {
        let taken: Vec<_> = entry.set.intersection(applied).filter(|path| differs(path)).cloned().collect();
        found.extend(taken.iter().map(|path| (entry.display(), fields::display(path))));
        for path in &taken {
            entry.set.remove(path);
        }
    }
    if found.is_empty() || conflicts == Conflicts::Forced {
        Ok(())
    } else {
        Err(Failure::apply_conflicts(&found))
    }
}

/// Takes away what this manager applied before, applies no longer, and nobody else owns.
fn give_up(new: &mut Value, entries: &[Entry], applied: &Set, actor: &Actor, core: &Core) {
    let Some(before) = entries.iter().find(|entry| entry.is_of(actor, core.flavour)) else { return };
    let others = || entries.iter().filter(|entry| !entry.is_of(actor, core.flavour));
    let is_needed = |path: &Path| {
        applied.contains(path) || others().any(|entry| entry.set.iter().any(|owned| owned.starts_with(path)))
    };
    // Shortest first: an item of a list goes whole. Where it stays, for another manager, it keeps its name.
    let mut gone: Vec<_> =
        before.set.iter().filter(|path| !is_needed(path) && !is_name_of_item(path)).collect();
    gone.sort_by_key(|path| path.len());
    for path in gone {
        fields::remove(new, path);
    }
    if new["metadata"].is_null() {
        new["metadata"] = json!({});
    }
}

fn is_name_of_item(path: &Path) -> bool {
    match path.as_slice() {
        [.., fields::Element::Key(key), fields::Element::Field(name)] => key.contains_key(name),
        _ => false,
    }
}
