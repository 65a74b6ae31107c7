//! Which lists are merged by key and which maps belong together: what the server reads out of its OpenAPI.

use serde_json::Value;

use super::Element;
use crate::kinds::Flavour;

/// How a list is merged and owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// As one value.
    Atomic,
    /// Item by item; these fields together name one.
    Keyed(&'static [&'static str]),
    /// Item by item; each is its own name.
    Set,
}

/// What depends on the kind and the flavour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub kind: &'a str,
    pub flavour: Flavour,
}

impl Shape<'_> {
    pub(crate) fn list(&self, path: &[Element]) -> List {
        let Some(Element::Field(last)) = path.last() else { return List::Atomic };
        match last.as_str() {
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "volumes"
            | "env"
            | "imagePullSecrets" => List::Keyed(&["name"]),
            "ports" if is_below(path, &["containers", "initContainers"]) => {
                List::Keyed(&["containerPort", "protocol"])
            }
            "ports" if self.kind == "Service" => List::Keyed(&["port", "protocol"]),
            "volumeMounts" => List::Keyed(&["mountPath"]),
            "conditions" => List::Keyed(&["type"]),
            "ownerReferences" => List::Keyed(&["uid"]),
            "finalizers" => List::Set,
            _ => List::Atomic,
        }
    }

    /// Whether a map has one owner as a whole.
    pub(crate) fn is_atomic_map(&self, path: &[Element]) -> bool {
        let Some(Element::Field(last)) = path.last() else { return false };
        match last.as_str() {
            "selector" => self.kind != "Service" || self.flavour == Flavour::New,
            "labelSelector" | "nodeSelector" | "configMapKeyRef" | "secretKeyRef" | "fieldRef"
            | "targetRef" => true,
            _ => false,
        }
    }
}

fn is_below(path: &[Element], names: &[&str]) -> bool {
    path.iter().any(|element| matches!(element, Element::Field(name) if names.contains(&name.as_str())))
}

/// The key of an item; a protocol that is not said is TCP.
pub(crate) fn key_of(item: &Value, names: &[&str]) -> Element {
    let fields = names.iter().map(|name| {
        let value = match item.get(name) {
            None | Some(Value::Null) if *name == "protocol" => Value::from("TCP"),
            None => Value::Null,
            Some(value) => value.clone(),
        };
        ((*name).to_owned(), value)
    });
    Element::Key(fields.collect())
}
