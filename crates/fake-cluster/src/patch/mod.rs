//! The four kinds of patch.

mod apply;
mod json;
mod merge;
mod strategic;

use serde_json::Value;

use crate::core::Core;
use crate::failure::Failure;
use crate::kinds::Resource;
use crate::managers::{Actor, Operation};
use crate::store::Key;
use crate::write::{self, Ownership, Persist};

/// Which patch a body is, by its `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl Format {
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+cbor" => Some(Self::Apply),
            _ => None,
        }
    }

    pub(crate) fn operation(self) -> Operation {
        if self == Self::Apply { Operation::Apply } else { Operation::Update }
    }
}

/// Whether an apply takes fields over that others own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflicts {
    Refused,
    Forced,
}

/// A patch as it was sent.
#[derive(Debug)]
pub(crate) struct Patch<'a> {
    pub format: Format,
    pub conflicts: Conflicts,
    pub body: &'a Value,
}

impl Patch<'_> {
    /// The document with the patch done to it; not for server-side apply.
    pub(crate) fn on(&self, resource: &Resource, live: &Value) -> Result<Value, Failure> {
        match self.format {
            Format::Json => json::patch(live, self.body),
            Format::Strategic => Ok(strategic::patch(live, self.body, resource.kind)),
            Format::Merge | Format::Apply => merge::patch(live, self.body),
        }
    }
}

/// Whether the object was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Changed,
    Created,
}

/// Patches an object; server-side apply makes it where it is missing.
pub(crate) fn patch(
    core: &mut Core,
    resource: &'static Resource,
    key: &Key,
    patch: &Patch<'_>,
    actor: &Actor,
    persist: Persist,
) -> Result<(Outcome, Value), Failure> {
    let live = core.store.get(key).cloned();
    if patch.format == Format::Apply {
        return apply::apply(core, resource, key, live.as_deref(), patch, actor, persist);
    }
    let live = live.ok_or_else(|| Failure::not_found(resource, &key.name))?;
    let new = patch.on(resource, &live)?;
    let changed = write::update(core, resource, key, new, actor, Ownership::Update, persist)?;
    Ok((Outcome::Changed, changed))
}
