//! The objects, the one counter of versions, and what changed under which version.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::object;

/// Where an object is. The namespace is empty for what belongs to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub plural: &'static str,
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub(crate) fn new(plural: &'static str, namespace: &str, name: &str) -> Self {
        Self { plural, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// One change: from nothing it is a creation, to nothing a deletion.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub version: u64,
    pub key: Key,
    pub before: Option<Arc<Value>>,
    pub after: Option<Arc<Value>>,
}

#[derive(Debug)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    history: Vec<Change>,
    version: u64,
    /// A watch from before this version is answered with 410.
    oldest: u64,
    changed: watch::Sender<u64>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            history: Vec::new(),
            version: 1,
            oldest: 0,
            changed: watch::Sender::new(1),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Tells the version after each change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// All objects of a kind, or those of one namespace, by name.
    pub(crate) fn list(&self, plural: &'static str, namespace: &str) -> Vec<Arc<Value>> {
        let all = self.objects.range(Key::new(plural, namespace, "")..);
        all.take_while(|(key, _)| {
            key.plural == plural && (namespace.is_empty() || key.namespace == namespace)
        })
        .map(|(_, value)| Arc::clone(value))
        .collect()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.objects.keys()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter()
    }

    /// Stores an object under the next version, which is written into it.
    pub(crate) fn put(&mut self, key: Key, mut value: Value) -> Arc<Value> {
        self.version += 1;
        object::set(&mut value, &["metadata", "resourceVersion"], json!(self.version.to_string()));
        let value = Arc::new(value);
        let before = self.objects.insert(key.clone(), Arc::clone(&value));
        self.history.push(Change { version: self.version, key, before, after: Some(Arc::clone(&value)) });
        self.changed.send_replace(self.version);
        value
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        self.version += 1;
        let change = Change {
            version: self.version,
            key: key.clone(),
            before: Some(Arc::clone(&before)),
            after: None,
        };
        self.history.push(change);
        self.changed.send_replace(self.version);
        Some(before)
    }

    /// Has all watches look again.
    pub(crate) fn wake(&self) {
        self.changed.send_replace(self.version);
    }

    /// Forgets what changed: whoever watches from an older version has to list again.
    pub(crate) fn compact(&mut self) {
        self.version += 1;
        self.oldest = self.version;
        self.history.clear();
        self.changed.send_replace(self.version);
    }

    /// What changed after a version.
    pub(crate) fn since(&self, version: u64) -> &[Change] {
        &self.history[self.history.partition_point(|change| change.version <= version)..]
    }
}
