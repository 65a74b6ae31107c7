//! `create`.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::convert;
use crate::core::Core;
use crate::failure::Failure;
use crate::managers::Operation;
use crate::object;
use crate::request::{Request, Target};
use crate::store::Key;
use crate::write::{self, Ownership};

pub(crate) fn create(core: &mut Core, target: &Target, request: &Request) -> Result<Answer, Failure> {
    let body = request.object()?;
    check_kind(target, &body)?;
    let stored = core.resource(target.resource.plural);
    let body = convert::to(stored, &body);
    let namespace = object::text(&body, "/metadata/namespace");
    if !namespace.is_empty() && namespace != target.namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let key = Key::new(stored.plural, &target.namespace, object::name(&body));
    let actor = request.actor(Operation::Update, "");
    let is_namespace = stored.plural == "namespaces";
    let made = write::create(core, stored, key, body, &actor, Ownership::Update, request.persist())?;
    if is_namespace && request.persist() == write::Persist::Kept {
        service_account(core, object::name(&made))?;
    }
    Ok(Answer::created(convert::to(target.resource, &made)))
}

/// A body says what the path says, or nothing.
pub(crate) fn check_kind(target: &Target, body: &Value) -> Result<(), Failure> {
    let resource = target.resource;
    let (kind, version) = (object::text(body, "/kind"), object::text(body, "/apiVersion"));
    let is_other = |text: &str, expected: &str| !text.is_empty() && text != expected;
    if is_other(kind, resource.kind) || is_other(version, &resource.api_version()) {
        return Err(Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): {kind} {version}",
            resource.kind
        )));
    }
    Ok(())
}

/// What every namespace has.
pub(crate) fn service_account(core: &mut Core, namespace: &str) -> Result<(), Failure> {
    let resource = core.resource("serviceaccounts");
    let key = Key::new(resource.plural, namespace, "default");
    let actor = crate::managers::Actor::update("kube-controller-manager", "");
    let account = json!({"metadata": {"name": "default"}});
    write::create(core, resource, key, account, &actor, Ownership::Update, write::Persist::Kept)?;
    Ok(())
}
