//! `update`: a whole object in place of the one that is there.

use serde_json::Value;

use super::create::check_kind;
use crate::answer::Answer;
use crate::convert;
use crate::core::Core;
use crate::failure::{Cause, Failure};
use crate::kinds::Flavour;
use crate::managers::Operation;
use crate::object;
use crate::request::{Request, Target};
use crate::store::Key;
use crate::write::{self, Ownership};

pub(crate) fn replace(core: &mut Core, target: &Target, request: &Request) -> Result<Answer, Failure> {
    let body = request.object()?;
    check_kind(target, &body)?;
    let stored = core.resource(target.resource.plural);
    let body = convert::to(stored, &body);
    let key = Key::new(stored.plural, &target.namespace, &target.name);
    let actor = request.actor(Operation::Update, subresource(target));
    if stored.plural == "leases" && core.store.get(&key).is_none() {
        let made = write::create(core, stored, key, body, &actor, Ownership::Update, request.persist())?;
        return Ok(Answer::created(convert::to(target.resource, &made)));
    }
    check(core, target, &body)?;
    let changed = write::update(core, stored, &key, body, &actor, Ownership::Update, request.persist())?;
    Ok(Answer::ok(convert::to(target.resource, &changed)))
}

/// The subresource by which an object is written, as field managers record it.
pub(crate) fn subresource(target: &Target) -> &'static str {
    if target.subresource == "status" { "status" } else { "" }
}

fn check(core: &Core, target: &Target, body: &Value) -> Result<(), Failure> {
    if object::name(body) != target.name {
        let message = format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            object::name(body),
            target.name
        );
        return Err(Failure::bad_request(message));
    }
    let has_version = !object::text(body, "/metadata/resourceVersion").is_empty();
    let is_service = target.resource.plural == "services" && core.flavour == Flavour::Old;
    if has_version || !(is_service || target.resource.plural == "leases") {
        return Ok(());
    }
    let (field, why) = ("metadata.resourceVersion", "must be specified for an update");
    if is_service {
        let cause = Cause::invalid(field, &Value::from(""), why);
        return Err(Failure::invalid(target.resource, &target.name, &[cause]));
    }
    // It comes from another place in the server, and looks different.
    let message = format!("Invalid value: 0x0: {why}");
    let cause = Cause { reason: "FieldValueInvalid", field: field.to_owned(), message };
    Err(Failure::invalid_resource(target.resource, &target.name, &cause))
}
