//! The garbage collector: what is owned by an object that is gone goes, and what waits for its dependents.

use std::collections::HashSet;

use crate::core::Core;
use crate::object;
use crate::store::Key;
use crate::verbs::delete::{self, Propagation};

pub(super) fn pass(core: &mut Core) {
    let living: HashSet<String> =
        core.store.iter().map(|(_, object)| object::uid(object).to_owned()).collect();
    let waiting: HashSet<String> = core
        .store
        .iter()
        .filter(|(_, object)| {
            object::is_terminating(object)
                && object::items(object, "/metadata/finalizers").iter().any(|one| one == "foregroundDeletion")
        })
        .map(|(_, object)| object::uid(object).to_owned())
        .collect();
    let orphans: Vec<Key> = core
        .store
        .iter()
        .filter(|(_, object)| !object::is_terminating(object))
        .filter(|(_, object)| {
            let owners = object::items(object, "/metadata/ownerReferences");
            let is_going = |uid: &str| !living.contains(uid) || waiting.contains(uid);
            !owners.is_empty() && owners.iter().all(|owner| is_going(object::text(owner, "/uid")))
        })
        .map(|(key, _)| key.clone())
        .collect();
    for key in orphans {
        let resource = core.resource(key.plural);
        let how = if waiting.is_empty() { Propagation::Background } else { Propagation::Foreground };
        delete::remove(core, resource, &key, how, None);
    }
    finish_foreground(core);
}

/// Objects that waited for what they own, and own nothing any more.
fn finish_foreground(core: &mut Core) {
    let done: Vec<Key> = core
        .store
        .iter()
        .filter(|(_, object)| object::is_terminating(object))
        .filter(|(_, object)| object::items(object, "/metadata/finalizers") == ["foregroundDeletion"])
        .filter(|(_, object)| {
            let uid = object::uid(object);
            let owns = |other: &serde_json::Value| {
                object::items(other, "/metadata/ownerReferences").iter().any(|one| one["uid"] == uid)
            };
            !core.store.iter().any(|(_, other)| owns(other))
        })
        .map(|(key, _)| key.clone())
        .collect();
    for key in done {
        core.store.remove(&key);
    }
}
