//! Reads `[environments.NAME]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;

use super::build::build;
use super::check::checks;
use super::configuration::env;
use super::database::{backup, database};
use super::gates::gates;
use super::keys;
use super::kubernetes::{context, kubernetes, namespace};
use super::observe::observe;
use super::policy::{policy, promote_from};
use super::reader::{Node, Reader, Section, shortened};
use super::rollout::rollout;
use super::scalars::{Kind, parsed, text, word};
use super::secret::secrets;
use super::service::{hosts, instances, report_name, services};
use super::task::tasks;
use crate::ids::{EnvironmentName, ServiceName};
use crate::manifest::diagnostics::{Code, Diagnostic, list, nearest};
use crate::manifest::types::{EnvironmentSettings, Located, ServiceSettings, Target};
use crate::release::OnDrift;

const ADDRESS: Kind = Kind {
    what: "an address with a port",
    help: "write an IP address and a port from 1 to 65535, as in \"127.0.0.1:8080\", \"0.0.0.0:80\" or \"[::]:80\"",
};

const ENV_FILE: Kind =
    Kind { what: "a path", help: "write the path of a file of KEY=VALUE lines, as in \".env.staging\"" };

/// The environments of a table, by name. `declared` are the app's services.
pub(crate) fn environments<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    declared: &[&str],
) -> BTreeMap<EnvironmentName, EnvironmentSettings> {
    let entries =
        reader.entries("environments", node, "write [environments.NAME], as in [environments.staging]");
    let mut environments = BTreeMap::new();
    for (name, span, node) in entries {
        let parsed = name.parse::<EnvironmentName>().ok();
        if parsed.is_none() {
            report_name(reader, "environment", name, &span);
        }
        let settings = environment(reader, node, &span, &shortened(name), declared);
        if let Some((name, settings)) = parsed.zip(settings) {
            environments.insert(name, settings);
        }
    }
    environments
}

fn environment<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    name: &str,
    declared: &[&str],
) -> Option<EnvironmentSettings> {
    let path = format!("environments.{name}");
    let section = reader.section(node, format!("[{path}]"), &keys::ENVIRONMENT)?;
    let settings = EnvironmentSettings {
        span: span.clone(),
        target: section.read(reader, "target", target),
        drift: section.read(reader, "drift", drift),
        listen: section.read(reader, "listen", listen),
        namespace: section.read(reader, "namespace", namespace),
        context: section.read(reader, "context", context),
        kubernetes: section
            .get("kubernetes")
            .and_then(|(_, node)| kubernetes(reader, node, &format!("[{path}.kubernetes]"), declared)),
        hosts: section.read(reader, "hosts", hosts),
        env: section.read(reader, "env", env),
        env_file: section.read(reader, "env_file", env_file),
        secrets: section.read(reader, "secrets", secrets),
        instances: section.read(reader, "instances", |r, _, node| instances_by_service(r, node, declared)),
        build: section
            .get("build")
            .and_then(|(span, node)| build(reader, node, &span, &format!("[{path}.build]"))),
        services: overrides(reader, &section, &path, declared),
        verify: section.read(reader, "verify", |r, _, node| checks(r, node, &format!("{path}.verify"))),
        tasks: section.read(reader, "tasks", |r, _, node| tasks(r, node, &format!("{path}.tasks"))),
        database: section
            .get("database")
            .and_then(|(span, node)| database(reader, node, &span, &format!("[{path}.database]"))),
        backup: section
            .get("backup")
            .and_then(|(span, node)| backup(reader, node, &span, &format!("[{path}.backup]"))),
        rollout: section
            .get("rollout")
            .and_then(|(_, node)| rollout(reader, node, &format!("[{path}.rollout]"))),
        observe: section
            .get("observe")
            .and_then(|(_, node)| observe(reader, node, &format!("[{path}.observe]"))),
        gates: section.read(reader, "gates", |r, _, node| gates(r, node, &format!("{path}.gates"))),
        promote_from: section.read(reader, "promote_from", promote_from),
        policy: section.get("policy").and_then(|(_, node)| policy(reader, node, &format!("[{path}.policy]"))),
    };
    for (name, count) in settings.instances.iter().flatten() {
        let other = settings.services.get(name).and_then(|service| service.instances.as_ref());
        if let Some(other) = other {
            let message = format!("the instances of `{name}` are given twice in [{path}]");
            reader.report(
                Diagnostic::new(Code::Conflict, &other.span, message)
                    .label("leave one of them out")
                    .related(&count.span, "also here"),
            );
        }
    }
    Some(settings)
}

fn overrides<'t>(
    reader: &mut Reader,
    section: &Section<'t>,
    path: &str,
    declared: &[&str],
) -> BTreeMap<ServiceName, ServiceSettings> {
    let Some((_, node)) = section.get("services") else { return BTreeMap::new() };
    let mut services_by_name = BTreeMap::new();
    for (name, settings) in services(reader, node, &format!("{path}.")) {
        report_undeclared(reader, name.value.as_str(), &name.span, declared);
        services_by_name.insert(name.value, settings);
    }
    services_by_name
}

/// Reports the name of a service that the app does not have.
pub(crate) fn report_undeclared(reader: &mut Reader, name: &str, span: &Range<usize>, declared: &[&str]) {
    if !declared.contains(&name) {
        reader.report(undeclared(name, span, declared));
    }
}

/// What is said of a service that the app does not have.
pub(crate) fn undeclared(name: &str, span: &Range<usize>, declared: &[&str]) -> Diagnostic {
    let label = match nearest(name, declared.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "not a service of this app".to_owned(),
    };
    let known = if declared.is_empty() {
        "the app has no services yet: write [services.NAME]".to_owned()
    } else {
        format!("the services are {}", list(declared.iter().copied()))
    };
    Diagnostic::new(Code::UnknownService, span, format!("there is no service `{}`", shortened(name)))
        .label(label)
        .help(known)
}

fn instances_by_service<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    declared: &[&str],
) -> Option<BTreeMap<ServiceName, Located<u32>>> {
    let entries = reader.entries("instances", node, "write instances.NAME = 2, as in instances.web = 2");
    let mut counts = BTreeMap::new();
    for (name, span, node) in entries {
        report_undeclared(reader, name, &span, declared);
        let count = instances(reader, &format!("instances.{}", shortened(name)), node);
        if let Some((name, count)) = name.parse().ok().zip(count) {
            counts.insert(name, count);
        }
    }
    Some(counts)
}

fn target(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<Target>> {
    let targets =
        [("process", Target::Process), ("docker", Target::Docker), ("kubernetes", Target::Kubernetes)];
    word(reader, key, node, &targets)
}

fn drift(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<OnDrift>> {
    word(reader, key, node, &[("repair", OnDrift::Repair), ("report", OnDrift::Report)])
}

fn listen(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<SocketAddr>> {
    let address: Located<SocketAddr> = parsed(reader, key, node, &ADDRESS)?;
    if address.value.port() != 0 {
        return Some(address);
    }
    let message = format!("`{key}`: port 0 is no port that users could come to");
    reader.report(
        Diagnostic::new(Code::BadValue, &address.span, message).label("expected a port").help(ADDRESS.help),
    );
    None
}

fn env_file(reader: &mut Reader, key: &str, node: &Node<'_>) -> Option<Located<String>> {
    let path = text(reader, key, node, &ENV_FILE)?;
    if !path.value.trim().is_empty() && !path.value.contains(char::is_control) {
        return Some(path);
    }
    let problem = Diagnostic::new(Code::BadValue, &path.span, format!("`{key}` is no path"));
    reader.report(problem.label("expected a path").help(ENV_FILE.help));
    None
}
