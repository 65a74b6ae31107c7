//! What the server says of itself: its version, its groups, their kinds.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::kinds::{Flavour, Resource, Scope, served};

pub(crate) fn version(flavour: Flavour) -> Answer {
    let (minor, git) = match flavour {
        Flavour::Old => ("20", "v1.20.2"),
        Flavour::New => ("33", "v1.33.1"),
    };
    Answer::ok(json!({
        "major": "1", "minor": minor, "gitVersion": git, "gitCommit": "fake", "gitTreeState": "clean",
        "buildDate": "2025-01-01T00:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64",
    }))
}

pub(crate) fn core_versions() -> Answer {
    Answer::ok(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}))
}

pub(crate) fn groups(flavour: Flavour) -> Answer {
    let groups: Vec<_> = names(flavour).iter().map(|group| described(flavour, group)).collect();
    Answer::ok(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
}

pub(crate) fn group(flavour: Flavour, name: &str) -> Result<Answer, Failure> {
    if !names(flavour).contains(&name) {
        return Err(Failure::unknown_path());
    }
    let mut group = described(flavour, name);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Ok(Answer::ok(group))
}

fn names(flavour: Flavour) -> Vec<&'static str> {
    let mut names: Vec<_> = served(flavour).map(|one| one.group).filter(|group| !group.is_empty()).collect();
    names.push("authorization.k8s.io");
    names.sort_unstable();
    names.dedup();
    names
}

fn described(flavour: Flavour, group: &str) -> Value {
    let mut versions: Vec<_> =
        served(flavour).filter(|one| one.group == group).map(|one| one.version).collect();
    versions.dedup();
    if versions.is_empty() {
        versions.push("v1");
    }
    let described: Vec<_> = versions
        .iter()
        .map(|one| json!({"groupVersion": format!("{group}/{one}"), "version": one}))
        .collect();
    json!({"name": group, "versions": described, "preferredVersion": described[0]})
}

pub(crate) fn resources(flavour: Flavour, group: &str, version: &str) -> Result<Answer, Failure> {
    let mut all: Vec<_> = served(flavour)
        .filter(|one| (one.group, one.version) == (group, version))
        .flat_map(|resource| std::iter::once(entry(resource)).chain(subresources(resource)))
        .collect();
    if (group, version) == ("authorization.k8s.io", "v1") {
        all.push(json!({
            "name": "selfsubjectaccessreviews", "singularName": "", "namespaced": false,
            "kind": "SelfSubjectAccessReview", "verbs": ["create"],
        }));
    }
    if all.is_empty() {
        return Err(Failure::unknown_path());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(Answer::ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": all,
    })))
}

fn entry(resource: &Resource) -> Value {
    json!({
        "name": resource.plural, "singularName": resource.kind.to_lowercase(), "kind": resource.kind,
        "namespaced": resource.scope == Scope::Namespace, "shortNames": resource.short,
        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
    })
}

fn subresources(resource: &Resource) -> impl Iterator<Item = Value> {
    resource.subresources.iter().map(|name| {
        let mut entry = json!({
            "name": format!("{}/{name}", resource.plural), "singularName": "", "kind": resource.kind,
            "namespaced": resource.scope == Scope::Namespace, "verbs": ["get", "patch", "update"],
        });
        match *name {
            "scale" => {
                entry["kind"] = json!("Scale");
                entry["group"] = json!("autoscaling");
                entry["version"] = json!("v1");
            }
            "log" => entry["verbs"] = json!(["get"]),
            _ => {}
        }
        entry
    })
}
