//! `metadata.managedFields`: who owns which field, and what a write changes of that.

use serde_json::{Value, json};

use crate::fields::{self, Path, Set, Shape};
use crate::kinds::Flavour;
use crate::object;

/// Who writes, and how.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub manager: String,
    pub operation: Operation,
    /// Empty for the object itself.
    pub subresource: &'static str,
}

impl Actor {
    pub(crate) fn update(manager: &str, subresource: &'static str) -> Self {
        Self { manager: manager.to_owned(), operation: Operation::Update, subresource }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// One entry of `managedFields`.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    manager: String,
    operation: Operation,
    api_version: String,
    subresource: String,
    time: String,
    pub set: Set,
}

impl Entry {
    fn read(value: &Value) -> Self {
        let text = |pointer| object::text(value, pointer).to_owned();
        Self {
            manager: text("/manager"),
            operation: if value["operation"] == "Apply" { Operation::Apply } else { Operation::Update },
            api_version: text("/apiVersion"),
            subresource: text("/subresource"),
            time: text("/time"),
            set: fields::decode(&value["fieldsV1"]),
        }
    }

    fn write(&self, flavour: Flavour) -> Value {
        let mut entry = json!({
            "manager": self.manager, "operation": self.operation.name(), "apiVersion": self.api_version,
            "time": self.time, "fieldsType": "FieldsV1", "fieldsV1": fields::encode(&self.set),
        });
        if !self.subresource.is_empty() && flavour == Flavour::New {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }

    pub(crate) fn is_of(&self, actor: &Actor, flavour: Flavour) -> bool {
        self.manager == actor.manager
            && self.operation == actor.operation
            && (flavour == Flavour::Old || self.subresource == actor.subresource)
    }

    /// As messages about conflicts name it.
    pub(crate) fn display(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text += &format!(" with subresource {:?}", self.subresource);
        }
        if self.operation == Operation::Update {
            text += &format!(" using {}", self.api_version);
        }
        text
    }
}

/// The entries of an object.
pub(crate) fn read(object: &Value) -> Vec<Entry> {
    object::items(object, "/metadata/managedFields").iter().map(Entry::read).collect()
}

/// Writes the entries; those that own nothing go.
fn write(object: &mut Value, entries: &[Entry], flavour: Flavour) {
    let entries =
        entries.iter().filter(|entry| !entry.set.is_empty()).map(|entry| entry.write(flavour)).collect();
    object::set(object, &["metadata", "managedFields"], Value::Array(entries));
}

/// After an update: what changed belongs to the actor, and what changed or went to nobody else.
pub(crate) fn update(old: Option<&Value>, new: &mut Value, actor: &Actor, time: &str, flavour: Flavour) {
    let kind = object::text(new, "/kind").to_owned();
    let shape = Shape { kind: &kind, flavour };
    let changed = |path: &Path| old.and_then(|old| fields::at(old, path)) != fields::at(new, path);
    let mut entries = old.map(read).unwrap_or_default();
    for entry in &mut entries {
        if !entry.is_of(actor, flavour) {
            entry.set.retain(|path| is_item(path) && fields::at(new, path).is_some() || !changed(path));
        }
        entry.set.retain(|path| fields::at(new, path).is_some());
    }
    let taken: Set = fields::of(new, shape)
        .into_iter()
        .filter(|path| !is_of_the_server(path, old.is_none(), actor, &kind))
        .filter(|path| {
            if is_item(path) { old.and_then(|old| fields::at(old, path)).is_none() } else { changed(path) }
        })
        .collect();
    own(&mut entries, actor, taken, new, time, flavour);
    write(new, &entries, flavour);
}

/// After an apply: the actor owns what it applied, and with force nobody else what it changed by that.
pub(crate) fn apply(
    new: &mut Value,
    mut entries: Vec<Entry>,
    actor: &Actor,
    applied: Set,
    time: &str,
    flavour: Flavour,
) {
    let before = entries.iter().find(|entry| entry.is_of(actor, flavour)).map(|entry| entry.set.clone());
    if before.as_ref() != Some(&applied) {
        entries.retain(|entry| !entry.is_of(actor, flavour));
        own(&mut entries, actor, applied, new, time, flavour);
    }
    for entry in &mut entries {
        entry.set.retain(|path| fields::at(new, path).is_some());
    }
    write(new, &entries, flavour);
}

fn own(entries: &mut Vec<Entry>, actor: &Actor, taken: Set, object: &Value, time: &str, flavour: Flavour) {
    if taken.is_empty() {
        return;
    }
    match entries.iter_mut().find(|entry| entry.is_of(actor, flavour)) {
        Some(entry) => {
            entry.set.extend(taken);
            time.clone_into(&mut entry.time);
        }
        None => entries.push(Entry {
            manager: actor.manager.clone(),
            operation: actor.operation,
            api_version: object::text(object, "/apiVersion").to_owned(),
            subresource: actor.subresource.to_owned(),
            time: time.to_owned(),
            set: taken,
        }),
    }
}

/// Whether a path names an item of a list and not a field.
fn is_item(path: &Path) -> bool {
    matches!(path.last(), Some(fields::Element::Key(_)))
}

/// What a write does not own though it is in the object: the status, unless it is what is written, and what the server
/// allocates for a new object.
fn is_of_the_server(path: &Path, is_new: bool, actor: &Actor, kind: &str) -> bool {
    let text = fields::display(path);
    let is_status = actor.subresource != "status" && text.starts_with(".status");
    let is_allocated = match kind {
        "Service" => text.starts_with(".spec.clusterIP"),
        "Job" => {
            text.starts_with(".spec.selector") || text.contains("controller-uid") || text.contains("job-name")
        }
        _ => false,
    };
    is_status || is_new && is_allocated
}
