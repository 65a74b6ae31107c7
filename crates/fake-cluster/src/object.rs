//! Reading and writing objects as JSON: what every part of the server needs of metadata.

use serde_json::{Map, Value};

/// The text at a JSON pointer, empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// The items of the list at a JSON pointer; none where there is no list.
pub(crate) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn name(value: &Value) -> &str {
    text(value, "/metadata/name")
}

pub(crate) fn uid(value: &Value) -> &str {
    text(value, "/metadata/uid")
}

pub(crate) fn label<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get("metadata")?.get("labels")?.get(key)?.as_str()
}

/// Whether the deletion of the object was asked for.
pub(crate) fn is_terminating(value: &Value) -> bool {
    !text(value, "/metadata/deletionTimestamp").is_empty()
}

/// The reference to the controller that owns the object.
pub(crate) fn controller(value: &Value) -> Option<&Value> {
    items(value, "/metadata/ownerReferences").iter().find(|one| one["controller"] == true)
}

/// Whether the object with this uid is the controller of `value`.
pub(crate) fn is_controlled_by(value: &Value, owner: &str) -> bool {
    controller(value).is_some_and(|reference| text(reference, "/uid") == owner)
}

/// A reference with which `owner` controls another object.
pub(crate) fn owner_reference(owner: &Value) -> Value {
    serde_json::json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// The object at a path, made where it is missing.
pub(crate) fn object_at<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    let mut here = value;
    for step in path {
        here = make_object(here).entry(*step).or_insert_with(|| Value::Object(Map::new()));
    }
    make_object(here)
}

fn make_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made one")
}

/// Writes a value at a path; `Null` takes it away.
pub(crate) fn set(value: &mut Value, path: &[&str], new: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    if new.is_null() {
        if let Some(parent) = value.pointer_mut(&pointer(parents)).and_then(Value::as_object_mut) {
            parent.remove(*last);
        }
        return;
    }
    object_at(value, parents).insert((*last).to_owned(), new);
}

/// Writes a value where there is none yet.
pub(crate) fn default(value: &mut Value, path: &[&str], new: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let entry = object_at(value, parents).entry(*last).or_insert(Value::Null);
    if entry.is_null() {
        *entry = new;
    }
}

fn pointer(path: &[&str]) -> String {
    path.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}

/// Takes fields that are `null` away, as a server does that decodes into types.
pub(crate) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
