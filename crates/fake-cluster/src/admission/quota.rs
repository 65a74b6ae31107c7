//! `ResourceQuota` counted, and the defaults and the `max` of a `LimitRange`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::quantity;
use crate::core::Core;
use crate::object;
use crate::store::Key;

/// `status.hard` and `status.used` of a quota.
pub(crate) fn hard_and_used(core: &Core, namespace: &str, quota: &Value) -> (Value, Value) {
    let hard = quota["spec"]["hard"].clone();
    let names = hard.as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let used = names.map(|name| {
        let amount = used(core, namespace, &name);
        let amount = quantity::display(amount, &name);
        (name, Value::String(amount))
    });
    let used = Value::Object(used.collect());
    (hard, used)
}

/// Why an object of this kind may not be made, where a quota is in its way.
pub(crate) fn refusal(core: &Core, plural: &'static str, namespace: &str, new: &Value) -> Option<String> {
    core.store.list("resourcequotas", namespace).iter().find_map(|quota| {
        let (mut asked, mut taken, mut limited) = (Vec::new(), Vec::new(), Vec::new());
        let mut missing = Vec::new();
        for (name, hard) in quota["spec"]["hard"].as_object().into_iter().flatten() {
            let hard = quantity::parse(hard.as_str().unwrap_or_default());
            let Some(amount) = amount(name, plural, new) else { continue };
            let Some(amount) = amount else {
                missing.push(name.clone());
                continue;
            };
            let used = used(core, namespace, name);
            if used + amount > hard {
                let show = |amount| format!("{name}={}", quantity::display(amount, name));
                asked.push(show(amount));
                taken.push(show(used));
                limited.push(show(hard));
            }
        }
        let name = object::name(quota);
        if !missing.is_empty() {
            return Some(format!("failed quota: {name}: must specify {}", missing.join(",")));
        }
        (!asked.is_empty()).then(|| {
            format!(
                "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
                asked.join(","),
                taken.join(","),
                limited.join(",")
            )
        })
    })
}

/// How much one object takes of a resource: none when it is of another kind, `Some(None)` when it has to say and
/// does not.
fn amount(name: &str, plural: &str, object: &Value) -> Option<Option<i128>> {
    let counted = name.strip_prefix("count/").map_or(name, |rest| rest.split('.').next().unwrap_or(rest));
    if counted == plural {
        return Some(Some(1000));
    }
    if plural != "pods" {
        return None;
    }
    let (part, unit) = match name {
        "cpu" | "memory" => ("requests", name),
        _ => name.split_once('.')?,
    };
    if !["requests", "limits"].contains(&part) || !["cpu", "memory"].contains(&unit) {
        return None;
    }
    let amounts = object::items(object, "/spec/containers").iter().map(|container| {
        let of = |part: &str| container["resources"][part][unit].as_str().map(quantity::parse);
        of(part).or_else(|| if part == "requests" { of("limits") } else { None })
    });
    Some(amounts.sum())
}

fn used(core: &Core, namespace: &str, name: &str) -> i128 {
    let mut by_plural: BTreeMap<&'static str, i128> = BTreeMap::new();
    for (key, object) in core.store.iter().filter(|(key, _)| key.namespace == namespace) {
        let phase = object::text(object, "/status/phase");
        if key.plural == "pods" && ["Succeeded", "Failed"].contains(&phase) {
            continue;
        }
        if let Some(Some(amount)) = amount(name, key.plural, object) {
            *by_plural.entry(key.plural).or_default() += amount;
        }
    }
    by_plural.values().sum()
}

/// Gives containers the requests and limits of the namespace's `LimitRange`.
pub(super) fn fill_limits(core: &Core, key: &Key, pod: &mut Value) {
    for range in core.store.list("limitranges", &key.namespace) {
        let limits = object::items(&range, "/spec/limits").iter().filter(|one| one["type"] == "Container");
        for limit in limits {
            for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
                // What may be had at most is what is had, where nothing is said.
                for (from, to) in [("default", "limits"), ("defaultRequest", "requests"), ("max", "limits")] {
                    for (unit, amount) in limit[from].as_object().into_iter().flatten() {
                        object::default(container, &["resources", to, unit], json!(amount));
                    }
                }
            }
        }
    }
}

/// Why a pod may not be made, where one of its containers may use more than the namespace's `LimitRange` lets it.
pub(super) fn above_limits(core: &Core, key: &Key, pod: &Value) -> Option<String> {
    core.store.list("limitranges", &key.namespace).iter().find_map(|range| {
        let mut limits = object::items(range, "/spec/limits").iter().filter(|one| one["type"] == "Container");
        limits.find_map(|limit| {
            let most = limit["max"].as_object()?;
            object::items(pod, "/spec/containers").iter().find_map(|container| {
                most.iter().find_map(|(unit, most)| {
                    let most = most.as_str()?;
                    let limit = container["resources"]["limits"][unit].as_str()?;
                    (quantity::parse(limit) > quantity::parse(most)).then(|| {
                        format!("maximum {unit} usage per Container is {most}, but limit is {limit}")
                    })
                })
            })
        })
    })
}
