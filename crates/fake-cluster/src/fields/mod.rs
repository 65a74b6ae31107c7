//! Fields as managers own them: sets of paths, read from objects and written as `fieldsV1`.

mod encoding;
mod merge;
mod set;
mod shape;

pub(crate) use encoding::{decode, encode};
pub(crate) use merge::merge;
pub(crate) use set::{Set, at, display, of, remove};
pub(crate) use shape::{List, Shape, key_of};

use std::collections::BTreeMap;

use serde_json::Value;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Element {
    Field(String),
    /// The item of a list with these fields.
    Key(BTreeMap<String, Value>),
    /// The item of a list that is this value.
    Value(Value),
}

impl Element {
    /// As a key of `fieldsV1`: `f:name`, `k:{…}`, `v:…`.
    fn encoded(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(fields) => {
                let fields: serde_json::Map<_, _> =
                    fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                format!("k:{}", Value::Object(fields))
            }
            Self::Value(value) => format!("v:{value}"),
        }
    }
}

impl PartialOrd for Element {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Element {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.encoded().cmp(&other.encoded())
    }
}

pub(crate) type Path = Vec<Element>;
