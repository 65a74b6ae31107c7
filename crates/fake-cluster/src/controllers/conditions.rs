//! `status.conditions`.

use serde_json::{Value, json};

/// One condition as a controller wants it; the reason and the message may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition<'a> {
    pub kind: &'a str,
    pub status: &'static str,
    pub reason: &'a str,
    pub message: String,
}

impl<'a> Condition<'a> {
    pub(super) fn new(
        kind: &'a str,
        status: &'static str,
        reason: &'a str,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, status, reason, message: message.into() }
    }
}

pub(super) fn find<'a>(list: &'a Value, kind: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|one| one["type"] == kind)
}

/// Whether a condition is there and `True`.
pub(super) fn is_true(object: &Value, kind: &str) -> bool {
    find(&object["status"]["conditions"], kind).is_some_and(|one| one["status"] == "True")
}

/// Writes a condition. Its time of transition is kept where its status is; fields that are not ours stay.
pub(super) fn set(list: &mut Value, condition: &Condition<'_>, now: &str) {
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(all) = list.as_array_mut() else { return };
    let before = all.iter_mut().find(|one| one["type"] == condition.kind);
    let mut new = json!({"type": condition.kind, "status": condition.status, "lastTransitionTime": now});
    if !condition.reason.is_empty() {
        new["reason"] = json!(condition.reason);
    }
    if !condition.message.is_empty() {
        new["message"] = json!(condition.message);
    }
    let Some(before) = before else {
        all.push(new);
        return;
    };
    if before["status"] == new["status"] {
        new["lastTransitionTime"] = before["lastTransitionTime"].clone();
    }
    *before = new;
}

pub(super) fn remove(list: &mut Value, kind: &str) {
    if let Some(all) = list.as_array_mut() {
        all.retain(|one| one["type"] != kind);
    }
}
