//! What the server refuses with 422: names, missing fields, changes of what cannot be changed.

use serde_json::{Value, json};

use crate::failure::{Cause, Failure};
use crate::kinds::Resource;
use crate::object;

/// Looks at an object by itself.
pub(crate) fn check(resource: &Resource, new: &Value) -> Result<(), Failure> {
    let mut causes = Vec::new();
    check_name(resource, object::name(new), &mut causes);
    check_labels(new, &mut causes);
    match resource.plural {
        "deployments" | "replicasets" => check_workload(new, &mut causes),
        "jobs" => check_job(new, &mut causes),
        "pods" => check_containers(new, "/spec", &mut causes),
        "services" if object::items(new, "/spec/ports").is_empty() && new["spec"]["clusterIP"] != "None" => {
            causes.push(Cause::required("spec.ports", ""));
        }
        "ingresses"
            if object::items(new, "/spec/rules").is_empty() && new["spec"]["defaultBackend"].is_null() =>
        {
            let why = "either `defaultBackend` or `rules` must be specified";
            causes.push(Cause::invalid("spec", &new["spec"], why));
        }
        _ => {}
    }
    refuse(resource, new, &causes)
}

/// Looks at a change.
pub(crate) fn check_change(resource: &Resource, old: &Value, new: &Value) -> Result<(), Failure> {
    let mut causes = Vec::new();
    let mut fixed = |pointer: &str, why: &str| {
        let (before, after) = (old.pointer(pointer), new.pointer(pointer));
        if before != after {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            causes.push(Cause::invalid(&field, after.unwrap_or(&Value::Null), why));
        }
    };
    match resource.plural {
        "deployments" | "replicasets" => fixed("/spec/selector", "field is immutable"),
        "jobs" => {
            fixed("/spec/selector", "field is immutable");
            fixed("/spec/template", "field is immutable");
            fixed("/spec/completions", "field is immutable");
        }
        "services" => {
            let kept = |value: &Value| value["spec"]["type"] != "ExternalName";
            if kept(old) && kept(new) && !object::text(old, "/spec/clusterIP").is_empty() {
                let (before, after) = (&old["spec"]["clusterIP"], &new["spec"]["clusterIP"]);
                if before != after {
                    let message = format!("Invalid value: []string{{{after}}}: may not change once set");
                    let field = "spec.clusterIPs[0]".to_owned();
                    causes.push(Cause { reason: "FieldValueInvalid", field, message });
                }
            }
        }
        "configmaps" | "secrets" if old["immutable"] == true => {
            if new["immutable"] != true {
                causes.push(Cause::forbidden("immutable", "field is immutable when `immutable` is set"));
            }
            for field in ["data", "binaryData"] {
                if old[field] != new[field] {
                    causes.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
                }
            }
        }
        "endpointslices" => fixed("/addressType", "field is immutable"),
        _ => {}
    }
    if resource.plural == "secrets" && old["type"] != new["type"] {
        causes.push(Cause::invalid("type", &new["type"], "field is immutable"));
    }
    refuse(resource, new, &causes)
}

fn refuse(resource: &Resource, new: &Value, causes: &[Cause]) -> Result<(), Failure> {
    if causes.is_empty() { Ok(()) } else { Err(Failure::invalid(resource, object::name(new), causes)) }
}

fn check_name(resource: &Resource, name: &str, causes: &mut Vec<Cause>) {
    const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
        '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
        start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    const SERVICE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
        alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
        validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
        return;
    }
    let (limit, why, good) = match resource.plural {
        "services" => {
            (63, SERVICE, is_label(name) && !name.starts_with(|letter: char| letter.is_ascii_digit()))
        }
        "namespaces" => (63, LABEL, is_label(name)),
        _ => (253, SUBDOMAIN, name.split('.').all(is_label)),
    };
    if name.len() > limit {
        causes.push(Cause::invalid(
            "metadata.name",
            &json!(name),
            &format!("must be no more than {limit} characters"),
        ));
    } else if !good {
        causes.push(Cause::invalid("metadata.name", &json!(name), why));
    }
}

fn is_label(text: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    !text.is_empty()
        && text.chars().all(|letter| inner(letter) || letter == '-')
        && text.starts_with(inner)
        && text.ends_with(inner)
}

fn check_labels(new: &Value, causes: &mut Vec<Cause>) {
    for pointer in
        ["/metadata/labels", "/spec/template/metadata/labels", "/spec/selector", "/spec/selector/matchLabels"]
    {
        let Some(labels) = new.pointer(pointer).and_then(Value::as_object) else { continue };
        for value in labels.values().filter(|value| value.as_str().is_some_and(|text| !is_label_value(text)))
        {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            let why = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
                and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
                regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
            causes.push(Cause::invalid(&field, value, why));
        }
    }
}

fn is_label_value(text: &str) -> bool {
    let ends = |letter: char| letter.is_ascii_alphanumeric();
    text.is_empty()
        || text.len() <= 63
            && text.starts_with(ends)
            && text.ends_with(ends)
            && text.chars().all(|letter| ends(letter) || "-_.".contains(letter))
}

fn check_workload(new: &Value, causes: &mut Vec<Cause>) {
    let wanted = new["spec"]["selector"]["matchLabels"].as_object();
    let labels = &new["spec"]["template"]["metadata"]["labels"];
    match wanted {
        None if new["spec"]["selector"]["matchExpressions"].is_null() => {
            causes.push(Cause::required("spec.selector", ""));
        }
        Some(wanted) if wanted.iter().any(|(key, value)| labels.get(key) != Some(value)) => {
            let why = "`selector` does not match template `labels`";
            causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
        }
        _ => {}
    }
    if object::number(new, "/spec/replicas").is_some_and(|replicas| replicas < 0) {
        let why = "must be greater than or equal to 0";
        causes.push(Cause::invalid("spec.replicas", &new["spec"]["replicas"], why));
    }
    check_containers(new, "/spec/template/spec", causes);
}

fn check_job(new: &Value, causes: &mut Vec<Cause>) {
    if new["spec"]["template"]["spec"]["restartPolicy"] == "Always" {
        let field = "spec.template.spec.restartPolicy";
        causes.push(Cause::required(field, "valid values: \"OnFailure\", \"Never\""));
    }
    check_containers(new, "/spec/template/spec", causes);
}

fn check_containers(new: &Value, pod: &str, causes: &mut Vec<Cause>) {
    let field = pod.trim_start_matches('/').replace('/', ".");
    let containers = object::items(new, &format!("{pod}/containers"));
    if containers.is_empty() {
        causes.push(Cause::required(&format!("{field}.containers"), ""));
    }
    for (index, container) in containers.iter().enumerate() {
        for part in ["name", "image"] {
            if object::text(container, &format!("/{part}")).is_empty() {
                causes.push(Cause::required(&format!("{field}.containers[{index}].{part}"), ""));
            }
        }
    }
}
