//! The set of fields of an object, and finding them again.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Element, List, Path, Shape, key_of};

/// Paths of leaves, and of items of keyed lists.
pub(crate) type Set = BTreeSet<Path>;

/// What nobody owns: it names the object or is the server's own.
const UNOWNED: [&str; 11] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "generateName",
];

/// All fields that an object sets.
pub(crate) fn of(object: &Value, shape: Shape<'_>) -> Set {
    let mut set = Set::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        let path = vec![Element::Field(name.clone())];
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    if !UNOWNED.contains(&name.as_str()) {
                        let mut path = path.clone();
                        path.push(Element::Field(name.clone()));
                        walk(value, path, shape, &mut set);
                    }
                }
            }
            _ => walk(value, path, shape, &mut set),
        }
    }
    set
}

fn walk(value: &Value, path: Path, shape: Shape<'_>, set: &mut Set) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !shape.is_atomic_map(&path) => {
            for (name, value) in fields {
                walk(value, with(&path, Element::Field(name.clone())), shape, set);
            }
        }
        Value::Array(items) => match shape.list(&path) {
            List::Atomic => drop(set.insert(path)),
            List::Set => set.extend(items.iter().map(|item| with(&path, Element::Value(item.clone())))),
            List::Keyed(keys) => {
                for item in items {
                    let path = with(&path, key_of(item, keys));
                    for (name, value) in item.as_object().into_iter().flatten() {
                        walk(value, with(&path, Element::Field(name.clone())), shape, set);
                    }
                    set.insert(path);
                }
            }
        },
        _ => drop(set.insert(path)),
    }
}

fn with(path: &[Element], last: Element) -> Path {
    let mut path = path.to_vec();
    path.push(last);
    path
}

/// The value at a path.
pub(crate) fn at<'a>(object: &'a Value, path: &[Element]) -> Option<&'a Value> {
    path.iter().try_fold(object, |here, step| match step {
        Element::Field(name) => here.get(name),
        other => here.as_array()?.iter().find(|item| is_item(item, other)),
    })
}

/// Takes the value at a path away, and what is empty because of that.
pub(crate) fn remove(object: &mut Value, path: &[Element]) {
    let Some((first, rest)) = path.split_first() else { return };
    match first {
        Element::Field(name) => {
            let Some(fields) = object.as_object_mut() else { return };
            let Some(child) = fields.get_mut(name) else { return };
            if !rest.is_empty() {
                remove(child, rest);
            }
            if rest.is_empty() || is_empty(child) {
                fields.remove(name);
            }
        }
        other => {
            let Some(items) = object.as_array_mut() else { return };
            if rest.is_empty() {
                items.retain(|item| !is_item(item, other));
            } else if let Some(item) = items.iter_mut().find(|item| is_item(item, other)) {
                remove(item, rest);
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

pub(super) fn is_item(item: &Value, element: &Element) -> bool {
    match element {
        Element::Field(_) => false,
        Element::Value(value) => item == value,
        Element::Key(fields) => {
            let names: Vec<_> = fields.keys().map(String::as_str).collect();
            key_of(item, &names) == *element
        }
    }
}

/// `.spec.template.spec.containers[name="web"].image`, as messages have it.
pub(crate) fn display(path: &[Element]) -> String {
    path.iter()
        .map(|step| match step {
            Element::Field(name) => format!(".{name}"),
            Element::Value(value) => format!("[={value}]"),
            Element::Key(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("[{}]", fields.join(","))
            }
        })
        .collect()
}
