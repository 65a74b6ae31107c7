//! `get` and `list`.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::convert;
use crate::core::Core;
use crate::failure::Failure;
use crate::request::{Query, Target};
use crate::selector::{Fields, Labels};
use crate::store::Key;

/// Which objects of a kind are meant.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    labels: Labels,
    fields: Fields,
}

impl Selection {
    pub(crate) fn of(query: &Query, plural: &str) -> Result<Self, Failure> {
        Ok(Self {
            labels: Labels::parse(query.text("labelSelector"))?,
            fields: Fields::parse(query.text("fieldSelector"), plural)?,
        })
    }

    pub(crate) fn has(&self, object: &Value) -> bool {
        self.labels.matches(object) && self.fields.matches(object)
    }
}

pub(crate) fn get(core: &Core, target: &Target) -> Result<Answer, Failure> {
    let key = Key::new(target.resource.plural, &target.namespace, &target.name);
    let object = core.store.get(&key).ok_or_else(|| Failure::not_found(target.resource, &target.name))?;
    Ok(Answer::ok(convert::to(target.resource, object)))
}

/// `limit` and `continue` page by name, at the state of the moment.
pub(crate) fn list(core: &Core, target: &Target, query: &Query) -> Result<Answer, Failure> {
    let resource = target.resource;
    let selection = Selection::of(query, resource.plural)?;
    let after = query.text("continue");
    let place = |object: &Value| {
        let text = |pointer| crate::object::text(object, pointer).to_owned();
        format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
    };
    let mut found: Vec<_> = core
        .store
        .list(resource.plural, &target.namespace)
        .into_iter()
        .filter(|object| selection.has(object) && place(object).as_str() > after)
        .collect();
    let mut metadata = json!({"resourceVersion": core.store.version().to_string()});
    if let Some(limit) = query.number("limit").and_then(|limit| usize::try_from(limit).ok())
        && limit > 0
        && found.len() > limit
    {
        metadata["remainingItemCount"] = json!(found.len() - limit);
        metadata["continue"] = json!(place(&found[limit - 1]));
        found.truncate(limit);
    }
    // The items of a list do not say their kind in the real server either.
    let items: Vec<_> = found.iter().map(|object| without_kind(convert::to(resource, object))).collect();
    Ok(Answer::ok(json!({
        "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(),
        "metadata": metadata, "items": items,
    })))
}

fn without_kind(mut object: Value) -> Value {
    for field in ["apiVersion", "kind"] {
        crate::object::set(&mut object, &[field], Value::Null);
    }
    object
}
