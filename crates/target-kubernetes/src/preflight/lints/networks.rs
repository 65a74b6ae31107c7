//! Whether network policies let the same in to pods with other labels. Pure.
//!
//! A pod that no policy selects lets everybody in; one that some select lets in what any rule of theirs does.

use std::collections::BTreeMap;

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::selected::selects;

/// A policy that has a say in who comes in.
pub(super) struct Policy<'a> {
    name: String,
    selector: &'a Value,
    rules: Vec<&'a Value>,
}

impl<'a> Policy<'a> {
    /// None where it is for what goes out alone.
    pub(super) fn of_ingress(object: &'a DynamicObject) -> Option<Self> {
        let spec = &object.data["spec"];
        let types = spec["policyTypes"].as_array();
        // Where nothing is said, each policy is for what comes in.
        let is_ingress = types.is_none_or(|types| types.iter().any(|one| one == "Ingress"));
        is_ingress.then(|| Self {
            name: object.name_any(),
            selector: &spec["podSelector"],
            rules: spec["ingress"].as_array().into_iter().flatten().collect(),
        })
    }
}

/// What pods with the `new` labels do not let in as those with the `old` ones do, as a sentence; none where there is no difference that
/// is made by labels.
pub(super) fn difference(
    policies: &[Policy<'_>],
    new: &BTreeMap<String, String>,
    old: &BTreeMap<String, String>,
) -> Option<String> {
    let (mut for_new, mut for_old) = (Vec::new(), Vec::new());
    for policy in policies {
        match (selects(policy.selector, new), selects(policy.selector, old)) {
            (true, false) => for_new.push(policy),
            (false, true) => for_old.push(policy),
            _ => {}
        }
    }
    let both = || policies.iter().filter(|one| selects(one.selector, new) && selects(one.selector, old));
    let (is_new_closed, is_old_closed) =
        (!for_new.is_empty() || both().next().is_some(), !for_old.is_empty() || both().next().is_some());
    let let_in: Vec<&Value> =
        for_new.iter().copied().chain(both()).flat_map(|one| one.rules.iter().copied()).collect();
    match (is_new_closed, is_old_closed) {
        (true, false) => Some(format!(
            "{} the new release's pods and not the live ones, which let everybody in",
            are_for(&for_new)
        )),
        (false, true) => Some(format!(
            "{} the live release's pods and not the new ones, which let everybody in",
            are_for(&for_old)
        )),
        // A rule that says nothing lets everybody in.
        (true, true)
            if !let_in.iter().any(|rule| rule.as_object().is_some_and(serde_json::Map::is_empty)) =>
        {
            let lost: Vec<&Policy<'_>> = for_old
                .into_iter()
                .filter(|one| one.rules.iter().any(|rule| !let_in.contains(rule)))
                .collect();
            (!lost.is_empty()).then(|| {
                format!("{} the live release's pods and not the new ones, and nothing lets in to those what it does", are_for(&lost))
            })
        }
        _ => None,
    }
}

/// Who lets somebody in to pods with these labels: what any policy allows is allowed, whatever another one says. None: nobody.
pub(super) fn openers(policies: &[Policy<'_>], labels: &BTreeMap<String, String>) -> Option<String> {
    let opens = |one: &&Policy<'_>| !one.rules.is_empty() && selects(one.selector, labels);
    let all: Vec<&Policy<'_>> = policies.iter().filter(opens).collect();
    (!all.is_empty()).then(|| are_for(&all))
}

fn are_for(policies: &[&Policy<'_>]) -> String {
    let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    match names.as_slice() {
        [one] => format!("the NetworkPolicy {one} is for"),
        many => format!("the NetworkPolicies {} are for", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(slot: &str) -> BTreeMap<String, String> {
        [("app", "shop"), ("slot", slot)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn policy(name: &str, selector: &Value, ingress: &Value) -> DynamicObject {
        let spec = json!({ "podSelector": { "matchLabels": selector }, "ingress": ingress });
        serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec })).unwrap()
    }

    #[test]
    fn only_labels_that_differ_make_a_difference() {
        let (blue, green, app) =
            (json!({ "slot": "blue" }), json!({ "slot": "green" }), json!({ "app": "shop" }));
        let gate = json!([{ "from": [{ "podSelector": { "matchLabels": { "app": "gate" } } }] }]);
        let (nobody, everybody) = (json!([]), json!([{}]));
        let table = [
            (vec![], None),
            (vec![policy("all", &app, &gate)], None),
            (vec![policy("live", &blue, &gate), policy("next", &green, &gate)], None),
            (vec![policy("closed", &green, &nobody)], Some("closed is for the new release's pods")),
            (vec![policy("live", &blue, &gate)], Some("live is for the live release's pods")),
            (vec![policy("all", &app, &nobody), policy("live", &blue, &gate)], Some("live is for the live")),
            (
                vec![policy("live", &blue, &gate), policy("closed", &green, &nobody)],
                Some("live is for the live"),
            ),
            (vec![policy("live", &blue, &gate), policy("open", &green, &everybody)], None),
            (vec![policy("all", &app, &gate), policy("more", &green, &gate)], None),
        ];
        for (objects, expected) in table {
            let policies: Vec<_> = objects.iter().filter_map(Policy::of_ingress).collect();
            let told = difference(&policies, &labels("green"), &labels("blue"));
            match expected {
                None => assert_eq!(told, None),
                Some(words) => {
                    assert!(told.as_ref().is_some_and(|told| told.contains(words)), "{words}: {told:?}");
                }
            }
        }
    }

    #[test]
    fn who_lets_somebody_in_is_named() {
        let gate = json!([{ "from": [{ "podSelector": {} }] }]);
        let objects = [
            policy("others", &json!({ "app": "other" }), &gate),
            policy("closed", &json!({}), &json!([])),
            policy("open", &json!({ "app": "shop" }), &gate),
        ];
        let policies: Vec<_> = objects.iter().filter_map(Policy::of_ingress).collect();
        assert_eq!(openers(&policies, &labels("blue")).as_deref(), Some("the NetworkPolicy open is for"));
        assert_eq!(openers(&policies[..2], &labels("blue")), None);
    }

    #[test]
    fn what_is_for_what_goes_out_has_no_say() {
        let mut out = policy("out", &json!({ "slot": "green" }), &json!([]));
        out.data["spec"]["policyTypes"] = json!(["Egress"]);
        assert!(Policy::of_ingress(&out).is_none());
    }
}
