//! Other actors in the cluster: what a test sees and does beside the client that it tests.

use serde_json::{Value, json};

use crate::cluster::FakeCluster;
use crate::managers::Actor;
use crate::object;
use crate::script::Readiness;
use crate::selector::has_labels;
use crate::store::Key;
use crate::verbs::delete::{self, Propagation};
use crate::write::{self, Ownership, Persist};

impl FakeCluster {
    /// An object as it is now: `get("Deployment", "web")`, `get("Pod", "other/web")`.
    ///
    /// # Panics
    /// When there is no such kind.
    #[must_use]
    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let mut core = self.shared.lock();
        core.settle();
        let key = core.key_of(kind, name);
        core.store.get(&key).map(|object| object.as_ref().clone())
    }

    /// The objects of a kind in the home namespace, by name.
    ///
    /// # Panics
    /// When there is no such kind.
    #[must_use]
    pub fn list(&self, kind: &str) -> Vec<Value> {
        let mut core = self.shared.lock();
        core.settle();
        let key = core.key_of(kind, "x");
        core.store.list(key.plural, &key.namespace).iter().map(|object| object.as_ref().clone()).collect()
    }

    /// All objects, as kind and name, but for namespaces and their default service accounts. Names of other
    /// namespaces than the home have theirs in front.
    #[must_use]
    pub fn objects(&self) -> Vec<(String, String)> {
        let mut core = self.shared.lock();
        core.settle();
        let named = core.store.iter().filter(|(key, _)| {
            key.plural != "namespaces" && !(key.plural == "serviceaccounts" && key.name == "default")
        });
        named
            .map(|(key, object)| {
                let kind = object::text(object, "/kind").to_owned();
                let is_home = key.namespace == core.home;
                (kind, if is_home { key.name.clone() } else { format!("{}/{}", key.namespace, key.name) })
            })
            .collect()
    }

    /// Makes an object in the home namespace, or the one that it says, as another actor.
    ///
    /// # Panics
    /// When it says no kind, or the server refuses it.
    #[expect(clippy::needless_pass_by_value, reason = "a test writes the object where it makes it")]
    pub fn create(&self, manager: &str, object: Value) -> Value {
        let mut core = self.shared.lock();
        core.settle();
        let text = |pointer| object::text(&object, pointer);
        let namespace = text("/metadata/namespace");
        let name = if namespace.is_empty() {
            text("/metadata/name").to_owned()
        } else {
            format!("{namespace}/{}", text("/metadata/name"))
        };
        let key = core.key_of(text("/kind"), &name);
        let resource = core.resource(key.plural);
        let actor = Actor::update(manager, "");
        let made =
            write::create(&mut core, resource, key, object.clone(), &actor, Ownership::Update, Persist::Kept);
        core.settle();
        made.unwrap_or_else(|failure| panic!("the fake cluster refuses it: {}", failure.message))
    }

    /// Changes an object as another actor; its status is left as it is.
    ///
    /// # Panics
    /// When it is not there, or the server refuses the change.
    pub fn edit(&self, kind: &str, name: &str, manager: &str, change: impl FnOnce(&mut Value)) {
        self.edit_part(kind, name, &Actor::update(manager, ""), change);
    }

    /// Changes the status of an object as another actor. Controllers may change it again.
    ///
    /// # Panics
    /// When it is not there, or the server refuses the change.
    pub fn edit_status(&self, kind: &str, name: &str, manager: &str, change: impl FnOnce(&mut Value)) {
        self.edit_part(kind, name, &Actor::update(manager, "status"), change);
    }

    fn edit_part(&self, kind: &str, name: &str, actor: &Actor, change: impl FnOnce(&mut Value)) {
        let mut core = self.shared.lock();
        core.settle();
        let key = core.key_of(kind, name);
        let object = core.store.get(&key).unwrap_or_else(|| panic!("{kind} {name} is not there"));
        let mut object = object.as_ref().clone();
        change(&mut object);
        let resource = core.resource(key.plural);
        let changed =
            write::update(&mut core, resource, &key, object, actor, Ownership::Update, Persist::Kept);
        core.settle();
        if let Err(failure) = changed {
            panic!("the fake cluster refuses it: {}", failure.message);
        }
    }

    /// Deletes an object as another actor; what it owns goes after it. Nothing happens where it is not there.
    ///
    /// # Panics
    /// When there is no such kind.
    pub fn delete(&self, kind: &str, name: &str) {
        self.change(|core| {
            let key = core.key_of(kind, name);
            let resource = core.resource(key.plural);
            delete::remove(core, resource, &key, Propagation::Background, None);
        });
    }

    /// Deletes the pods with these labels at once, as a node that is lost does.
    pub fn delete_pods(&self, labels: &[(&str, &str)]) {
        self.change(|core| {
            let labels = as_labels(labels);
            let pods = core.store.list("pods", &core.home.clone());
            for pod in pods.iter().filter(|pod| has_labels(pod, &labels)) {
                let namespace = object::text(pod, "/metadata/namespace");
                core.store.remove(&Key::new("pods", namespace, object::name(pod)));
            }
        });
    }

    /// Running containers of pods with these labels are not ready from now on, whatever their script says.
    pub fn make_unready(&self, labels: &[(&str, &str)]) {
        self.set_readiness(labels, Readiness::NotReady);
    }

    /// Running containers of pods with these labels are ready from now on, whatever their script says.
    pub fn make_ready(&self, labels: &[(&str, &str)]) {
        self.set_readiness(labels, Readiness::Ready);
    }

    fn set_readiness(&self, labels: &[(&str, &str)], readiness: Readiness) {
        self.change(|core| core.memory.readiness.push((as_labels(labels), readiness)));
    }
}

fn as_labels(labels: &[(&str, &str)]) -> Value {
    labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
