//! Reads `[environments.NAME.kubernetes]`, `namespace` and `context`.

use std::ops::Range;

use super::environment::report_undeclared;
use super::keys;
use super::patches::patches;
use super::reader::{Node, Reader, shortened};
use super::scalars::{Kind, NAME, array, flag, number, parsed, report_repeated, text, word};
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{ClusterServiceSettings, KubernetesSettings, Located, RouteSettings, SwitchBy};
use crate::release::{RouteKind, ServiceKind};

const NAMESPACE: Kind = Kind {
    what: "the name of a namespace",
    help: "use 1 to 63 of a-z, 0-9 and -, not beginning or ending with -, as in \"shop\"",
};
const SECRET: Kind = Kind {
    what: "the name of a Secret",
    help: "write one that `kubectl get secrets` lists in the namespace, in a-z, 0-9, - and ., as in \"registry\"",
};
const SERVICE: Kind = Kind {
    what: "the name of a Service",
    help: "use 1 to 63 of a-z, 0-9 and -, not beginning or ending with -, as in \"shop\"",
};
const DEPLOYMENT: Kind = Kind {
    what: "the name of a Deployment",
    help: "write one that `kubectl get deployments` lists in the namespace, as in \"shop\"",
};
const ROUTE: Kind = Kind {
    what: "the name of an Ingress or HTTPRoute",
    help: "write one that is in the namespace, as in route = { kind = \"Ingress\", name = \"shop\" }",
};
const OBJECT_FILES: Kind = Kind {
    what: "the path of files with objects",
    help: "write a path relative to the manifest's folder that ends in .yaml, .yml or .json; its last part may have *, as in \"k8s/*.yaml\"",
};
const CONTEXT: Kind = Kind {
    what: "the name of a context",
    help: "write one of those that `kubectl config get-contexts` lists, as in \"production\"",
};

/// `[environments.NAME.kubernetes]`; `declared` are the app's services.
pub(crate) fn kubernetes<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    place: &str,
    declared: &[&str],
) -> Option<KubernetesSettings> {
    let section = reader.section(node, place, &keys::KUBERNETES)?;
    Some(KubernetesSettings {
        service: section.read(reader, "service", service),
        switch: section.read(reader, "switch", |reader, key, node| {
            word(reader, key, node, &[("selector", SwitchBy::Selector), ("route", SwitchBy::Route)])
        }),
        route: section.get("route").and_then(|(span, node)| route(reader, node, &span, declared)),
        pull_secrets: section.read(reader, "pull_secrets", pull_secrets),
        mirror: section.read(reader, "mirror", flag),
        adopt: section.read(reader, "adopt", |reader, key, node| object(reader, key, node, &DEPLOYMENT)),
        manifests: section.read(reader, "manifests", manifests),
        patches: section.read(reader, "patches", |reader, key, node| patches(reader, key, node, declared)),
    })
}

/// `manifests = ["k8s/*.yaml"]`
fn manifests<'t>(reader: &mut Reader, key: &'static str, node: &'t Node<'t>) -> Option<Vec<Located<String>>> {
    let help = "write a list, as in [\"k8s/*.yaml\"]";
    let files = array(reader, key, node, help, |reader, key, element| {
        let files = text(reader, key, element, &OBJECT_FILES)?;
        if is_object_files(&files.value) {
            return Some(files);
        }
        report(reader, key, &files, &OBJECT_FILES);
        None
    })?;
    report_repeated(reader, key, &files);
    Some(files)
}

/// A path inside the project; what is after its last `/` may have `*` for any letters.
fn is_object_files(text: &str) -> bool {
    let (folder, name) = text.rsplit_once('/').unwrap_or(("", text));
    let is_inside = text.split('/').all(|part| !part.is_empty() && part != "..");
    let is_known = [".yaml", ".yml", ".json"].iter().any(|end| name.len() > end.len() && name.ends_with(end));
    is_inside
        && is_known
        && !folder.contains('*')
        && !text.contains(['\\', ':'])
        && !text.contains(char::is_control)
}

/// `pull_secrets = ["registry"]`
fn pull_secrets<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<Vec<Located<String>>> {
    let help = "write a list, as in [\"registry\"]";
    let names = array(reader, key, node, help, |reader, key, element| object(reader, key, element, &SECRET))?;
    report_repeated(reader, key, &names);
    Some(names)
}

fn object(reader: &mut Reader, key: &str, node: &Node<'_>, kind: &Kind) -> Option<Located<String>> {
    let name = text(reader, key, node, kind)?;
    if name.value.len() <= 253 && name.value.split('.').all(is_label) {
        return Some(name);
    }
    report(reader, key, &name, kind);
    None
}

fn label(reader: &mut Reader, key: &str, node: &Node<'_>, kind: &Kind) -> Option<Located<String>> {
    let name = text(reader, key, node, kind)?;
    if name.value.len() <= 63 && is_label(&name.value) {
        return Some(name);
    }
    report(reader, key, &name, kind);
    None
}

fn service<'t>(reader: &mut Reader, _: &str, node: &'t Node<'t>) -> Option<ClusterServiceSettings> {
    let section = reader.section(node, "service = { … }", &keys::CLUSTER_SERVICE)?;
    Some(ClusterServiceSettings {
        name: section.read(reader, "name", |reader, key, node| label(reader, key, node, &SERVICE)),
        kind: section.read(reader, "type", |reader, key, node| {
            let kinds = [ServiceKind::ClusterIP, ServiceKind::NodePort, ServiceKind::LoadBalancer];
            word(reader, key, node, &kinds.map(|kind| (kind.as_str(), kind)))
        }),
        node_port: section
            .read(reader, "node_port", |reader, key, node| number(reader, key, node, 1..=65535)),
    })
}

/// `route = { kind = "Ingress", name = "shop" }`
fn route<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    declared: &[&str],
) -> Option<RouteSettings> {
    let section = reader.section(node, "route = { … }", &keys::CLUSTER_ROUTE)?;
    Some(RouteSettings {
        span: span.clone(),
        kind: section.read(reader, "kind", |reader, key, node| {
            word(reader, key, node, &RouteKind::ALL.map(|kind| (kind.as_str(), kind)))
        }),
        name: section.read(reader, "name", |reader, key, node| object(reader, key, node, &ROUTE)),
        services: section.read(reader, "services", |reader, key, node| {
            let help = "write a list of services, as in [\"web\"]";
            let names: Vec<Located<ServiceName>> =
                array(reader, key, node, help, |reader, key, element| parsed(reader, key, element, &NAME))?;
            for name in &names {
                report_undeclared(reader, name.value.as_str(), &name.span, declared);
            }
            report_repeated(reader, key, &names);
            Some(names)
        }),
    })
}

/// `namespace`
pub(crate) fn namespace(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<String>> {
    label(reader, key, node, &NAMESPACE)
}

/// A label as names of the cluster's objects are made of (RFC 1123, 2.1), however long.
fn is_label(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(letter) && text.ends_with(letter) && text.chars().all(|c| letter(c) || c == '-')
}

/// `context`
pub(crate) fn context(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<String>> {
    let name = text(reader, key, node, &CONTEXT)?;
    if !name.value.trim().is_empty() && !name.value.contains(char::is_control) {
        return Some(name);
    }
    report(reader, key, &name, &CONTEXT);
    None
}

fn report(reader: &mut Reader, key: &str, given: &Located<String>, kind: &Kind) {
    let message = format!("`{key}`: \"{}\" is not {}", shortened(&given.value), kind.what);
    let problem = Diagnostic::new(Code::BadValue, &given.span, message);
    reader.report(problem.label(format!("expected {}", kind.what)).help(kind.help));
}
