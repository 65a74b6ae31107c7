//! Reads `[[environments.NAME.kubernetes.patches]]`.

mod json;
mod rules;

use serde_json::{Value, json};
use toml::de::DeValue;

use super::environment::report_undeclared;
use super::keys;
use super::reader::{Node, Reader, shortened};
use super::scalars::{NAME, array, parsed};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{Located, PatchSettings, PatchedVariable};
use crate::release::patch::CONTAINER;

const HELP: &str = "write [[environments.NAME.kubernetes.patches]] with spec.template.spec, as in spec.template.spec.nodeSelector = { disk = \"ssd\" }";

/// Under these keys anything may stand that is not to be shown.
const HIDDEN: [&str; 5] = ["value", "args", "command", "annotations", "httpHeaders"];

/// `patches`; `declared` are the app's services.
pub(super) fn patches<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
    declared: &[&str],
) -> Option<Vec<PatchSettings>> {
    array(reader, key, node, HELP, |reader, _, element| patch(reader, element, declared))
}

fn patch<'t>(reader: &mut Reader, node: &'t Node<'t>, declared: &[&str]) -> Option<PatchSettings> {
    hide(reader, node);
    let begin = reader.problems.len();
    let section = reader.section(node, keys::PATCH.place, &keys::PATCH)?;
    let is_known = reader.problems.len() == begin;
    let service = section.read(reader, "service", |reader, key, node| parsed(reader, key, node, &NAME));
    if let Some(service) = &service {
        let service: &Located<crate::ids::ServiceName> = service;
        report_undeclared(reader, service.value.as_str(), &service.span, declared);
    }
    let before = reader.problems.len();
    let mut read =
        |key| section.read(reader, key, |reader, _, node| json::of(reader, node)).unwrap_or_default();
    let (metadata, spec) = (read("metadata"), read("spec"));
    let is_read = reader.problems.len() == before;
    if is_read && is_known && metadata.is_null() && spec.is_null() {
        let problem = Diagnostic::new(Code::MissingKey, &node.span(), "a patch adds nothing");
        reader.report(problem.label("needs `metadata` or `spec`").help(HELP));
    }
    let changes = changes(&metadata, &spec);
    for refusal in if is_read { rules::refusals(&changes) } else { Vec::new() } {
        let message = format!("`{}` cannot be patched: {}", rules::in_words(&refusal.path), refusal.why);
        let problem = Diagnostic::new(Code::Conflict, &json::place(node, &refusal.path), message);
        reader.report(problem.label("not in a patch").help(refusal.remedy));
    }
    let env = variables(node);
    let own = containers(node).find(|one| is_own(one));
    let lifecycle = own.and_then(|own| Some(json::field(own, "lifecycle")?.span()));
    Some(PatchSettings { span: node.span(), service, metadata, spec, env, lifecycle })
}

/// What is merged: nothing stands for what is not said.
pub(crate) fn changes(metadata: &Value, spec: &Value) -> Value {
    let mut changes = json!({});
    for (key, value) in [("metadata", metadata), ("spec", spec)] {
        if !value.is_null() {
            changes[key] = value.clone();
        }
    }
    changes
}

fn hide(reader: &mut Reader, node: &Node<'_>) {
    match node.get_ref() {
        DeValue::Table(table) => {
            for (name, value) in table {
                let name = name.get_ref().as_ref();
                if HIDDEN.contains(&name) || (keys::HIDDEN.contains(&name) && !is_structure(name)) {
                    reader.hide(value);
                } else {
                    hide(reader, value);
                }
            }
        }
        DeValue::Array(elements) => elements.iter().for_each(|element| hide(reader, element)),
        _ => {}
    }
}

/// Names that are of structure in a Deployment, and of values in a manifest.
fn is_structure(name: &str) -> bool {
    ["env", "key"].contains(&name)
}

/// All containers of the pods.
fn containers<'n>(node: &'n Node<'n>) -> impl Iterator<Item = &'n Node<'n>> {
    let pod = ["spec", "template", "spec"].iter().try_fold(node, |node, key| json::field(node, key));
    let lists = ["containers", "initContainers"].map(|list| pod.and_then(|pod| json::field(pod, list)));
    lists.into_iter().flatten().flat_map(json::elements)
}

/// Whether the service runs in it.
fn is_own(container: &Node<'_>) -> bool {
    json::text(container, "name").is_some_and(|name| name.value == CONTAINER)
}

/// All variables that are given to containers.
fn variables(node: &Node<'_>) -> Vec<PatchedVariable> {
    let mut all = Vec::new();
    for container in containers(node) {
        let is_ours = is_own(container);
        for variable in json::field(container, "env").into_iter().flat_map(json::elements) {
            let Some(name) = json::text(variable, "name") else { continue };
            let name = Located { value: shortened(&name.value), span: name.span };
            all.push(PatchedVariable { is_ours, name, value: json::text(variable, "value") });
        }
    }
    all
}
