//! What is asked before an object is made: does its namespace exist, is there quota.

mod quantity;
mod quota;

pub(crate) use quota::{hard_and_used, refusal};

use serde_json::Value;

use crate::core::Core;
use crate::failure::Failure;
use crate::kinds::{Resource, Scope};
use crate::object;
use crate::store::Key;

/// The namespace has to be there, and to stay.
pub(crate) fn namespace(core: &Core, resource: &Resource, key: &Key) -> Result<(), Failure> {
    if resource.scope == Scope::Cluster {
        return Ok(());
    }
    let namespaces = core.resource("namespaces");
    let namespace = core.store.get(&Key::new("namespaces", "", &key.namespace));
    match namespace {
        None => Err(Failure::not_found(namespaces, &key.namespace)),
        Some(found) if object::is_terminating(found) => {
            let why = format!(
                "unable to create new content in namespace {} because it is being terminated",
                key.namespace
            );
            Err(Failure::forbidden(resource, &key.name, &why))
        }
        Some(_) => Ok(()),
    }
}

/// Service accounts, limits and quota.
pub(crate) fn create(core: &Core, resource: &Resource, key: &Key, new: &mut Value) -> Result<(), Failure> {
    if resource.plural == "pods" {
        service_account(core, resource, key, new)?;
        quota::fill_limits(core, key, new);
        if let Some(why) = quota::above_limits(core, key, new) {
            return Err(Failure::forbidden(resource, &key.name, &why));
        }
    }
    match refusal(core, resource.plural, &key.namespace, new) {
        Some(why) => Err(Failure::forbidden(resource, &key.name, &why)),
        None => Ok(()),
    }
}

fn service_account(core: &Core, resource: &Resource, key: &Key, new: &mut Value) -> Result<(), Failure> {
    object::default(new, &["spec", "serviceAccountName"], serde_json::json!("default"));
    let account = object::text(new, "/spec/serviceAccountName");
    if account == "default" || core.store.get(&Key::new("serviceaccounts", &key.namespace, account)).is_some()
    {
        return Ok(());
    }
    let why = format!(
        "error looking up service account {}/{account}: serviceaccount {account:?} not found",
        key.namespace
    );
    Err(Failure::forbidden(resource, &key.name, &why))
}
