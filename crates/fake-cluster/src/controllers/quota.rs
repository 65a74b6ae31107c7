//! `status` of resource quotas.

use serde_json::json;

use super::manager;
use crate::admission;
use crate::core::Core;
use crate::object;
use crate::store::Key;
use crate::write;

pub(super) fn pass(core: &mut Core) {
    for quota in core.store.list("resourcequotas", "") {
        let namespace = object::text(&quota, "/metadata/namespace");
        let (hard, used) = admission::hard_and_used(core, namespace, &quota);
        let key = Key::new("resourcequotas", namespace, object::name(&quota));
        write::edit(core, &key, &manager("status"), |quota| {
            quota["status"] = json!({"hard": hard, "used": used});
        });
    }
}
