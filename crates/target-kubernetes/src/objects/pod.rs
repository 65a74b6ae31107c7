//! A service's pod: what runs in it, what it may do, and when it counts as ready.
//!
//! Safe by default: no new privileges, no capability but those that are named, not root unless the manifest says so, no account of
//! the cluster.

use std::collections::BTreeMap;

use bascule_engine::ports::SlotSpec;
use bascule_model::release::{Container, Limits, Probe, RootUser, Service, Writing};
use serde_json::{Map, Value, json};

use super::configuration::{Configured, in_pod_words, known};
use super::ending::{self, Waits};
use crate::names;

/// The container's name, and its port's.
pub(crate) const CONTAINER: &str = bascule_model::release::patch::CONTAINER;
pub(crate) const PORT: &str = "http";
/// Where secrets are files.
const SECRETS: &str = "/run/secrets";

/// Names of what a pod is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) config_map: Option<&'a str>,
    pub(crate) secret: Option<&'a str>,
}

/// The pod template's `spec`.
pub(crate) fn spec(
    spec: &SlotSpec,
    service: &Service,
    configured: &Configured,
    told: Told<'_>,
    waits: Waits,
) -> Value {
    let Told { config_map, secret } = told;
    let none = Container::default();
    let container = service.container.as_ref().unwrap_or(&none);
    let image = image(&spec.release.artifact);
    let known = known(&spec.release, spec.slot, service);
    let command: Vec<String> = service.command.iter().map(|text| in_pod_words(text, &known)).collect();
    let mut app = json!({
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": if is_local(image) { "Never" } else { "IfNotPresent" },
        "env": env(&known, configured),
        "securityContext": security(container),
        "resources": resources(&service.limits),
    });
    // A command is all that is run: what the image would put before it is left out as well.
    set(&mut app, "command", (!command.is_empty()).then(|| json!(command)));
    let mut from = Vec::new();
    from.extend(config_map.map(|name| json!({ "configMapRef": { "name": name } })));
    from.extend(
        secret
            .filter(|_| !configured.private.is_empty())
            .map(|name| json!({ "secretRef": { "name": name } })),
    );
    set(&mut app, "envFrom", (!from.is_empty()).then(|| json!(from)));
    let port =
        service.traffic.as_ref().map(|traffic| json!([{ "name": PORT, "containerPort": traffic.port }]));
    set(&mut app, "ports", port);
    set(&mut app, "lifecycle", ending::lifecycle(&spec.release, service, waits));
    for (name, probe) in probes(service, spec.release.rollout.deadline.as_secs()) {
        set(&mut app, name, Some(probe));
    }
    let (mounts, volumes) = volumes(container, configured, secret);
    set(&mut app, "volumeMounts", (!mounts.is_empty()).then(|| json!(mounts)));

    let mut pod = json!({
        "containers": [app],
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": ending::grace(&spec.release, service),
        "securityContext": { "seccompProfile": { "type": "RuntimeDefault" } },
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": names::selector(&spec.release.key, &service.name, spec.release.id.as_str()) },
        }],
    });
    set(&mut pod, "volumes", (!volumes.is_empty()).then(|| json!(volumes)));
    let pull = spec.release.cluster.iter().flat_map(|cluster| &cluster.pull_secrets);
    let pull: Vec<Value> = pull.map(|name| json!({ "name": name })).collect();
    set(&mut pod, "imagePullSecrets", (!pull.is_empty()).then(|| json!(pull)));
    let aliases = aliases(&container.extra_hosts);
    set(&mut pod, "hostAliases", (!aliases.is_empty()).then(|| json!(aliases)));
    pod
}

fn set(object: &mut Value, key: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.to_owned(), value);
    }
}

/// What follows `image:` in an artifact.
pub(crate) fn image(artifact: &str) -> &str {
    artifact.strip_prefix("image:").unwrap_or(artifact)
}

/// Whether an image is one of the node itself, and in no registry.
fn is_local(image: &str) -> bool {
    image.starts_with("sha256:")
}

fn env(known: &BTreeMap<String, String>, configured: &Configured) -> Vec<Value> {
    let own =
        json!({ "name": "BASCULE_INSTANCE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } });
    let pair = |(name, value): (&String, &String)| json!({ "name": name, "value": value });
    let is_configured = |name: &String| {
        [&configured.public, &configured.private, &configured.of_pod].iter().any(|all| all.contains_key(name))
    };
    let files = configured.files.keys().map(|name| (format!("{name}_FILE"), format!("{SECRETS}/{name}")));
    let files: BTreeMap<String, String> = files.filter(|(name, _)| !is_configured(name)).collect();
    // The pod's own name first: the others may be made of it.
    let all = known.iter().chain(&files).chain(&configured.of_pod);
    [own].into_iter().chain(all.map(pair)).collect()
}

fn security(container: &Container) -> Value {
    let mut context = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": container.files == Writing::ReadOnly,
        "runAsNonRoot": container.root != RootUser::Allowed,
    });
    if !container.capabilities.is_empty() {
        context["capabilities"]["add"] = json!(container.capabilities);
    }
    let mut parts = container.user.as_deref().unwrap_or_default().split(':').map(str::parse::<u32>);
    if let Some(Ok(user)) = parts.next() {
        context["runAsUser"] = json!(user);
    }
    if let Some(Ok(group)) = parts.next() {
        context["runAsGroup"] = json!(group);
    }
    context
}

fn resources(limits: &Limits) -> Value {
    let mut amounts = Map::new();
    amounts.extend(limits.memory.map(|bytes| ("memory".to_owned(), json!(bytes.to_string()))));
    amounts.extend(limits.cpu_millis.map(|millis| ("cpu".to_owned(), json!(format!("{millis}m")))));
    if amounts.is_empty() { json!({}) } else { json!({ "limits": amounts, "requests": amounts }) }
}

/// Ready is who answers as the manifest says. Who starts is asked each second, and is not killed before the deadline is over: what
/// becomes of it is for the deploy to decide.
fn probes(service: &Service, deadline: u64) -> Vec<(&'static str, Value)> {
    let Some(asks) = service.traffic.as_ref().and_then(|_| asked(&service.health.probe)) else {
        return Vec::new();
    };
    let health = &service.health;
    let timeout = health.timeout.as_secs().max(1);
    let mut startup = asks.clone();
    startup.extend([
        ("periodSeconds".to_owned(), json!(1)),
        ("timeoutSeconds".to_owned(), json!(timeout)),
        ("failureThreshold".to_owned(), json!(deadline.max(health.start_period.as_secs()).max(1))),
    ]);
    let mut ready = asks;
    ready.extend([
        ("periodSeconds".to_owned(), json!(health.interval.as_secs().max(1))),
        ("timeoutSeconds".to_owned(), json!(timeout)),
        ("successThreshold".to_owned(), json!(1)),
        ("failureThreshold".to_owned(), json!(health.unhealthy_after.max(1))),
    ]);
    vec![("startupProbe", Value::Object(startup)), ("readinessProbe", Value::Object(ready))]
}

fn asked(probe: &Probe) -> Option<Map<String, Value>> {
    let (key, value) = match probe {
        Probe::Http { path } => ("httpGet", json!({ "path": path, "port": PORT })),
        Probe::Connect => ("tcpSocket", json!({ "port": PORT })),
        Probe::Uptime => return None,
    };
    Some(Map::from_iter([(key.to_owned(), value)]))
}

fn volumes(container: &Container, configured: &Configured, secret: Option<&str>) -> (Vec<Value>, Vec<Value>) {
    let (mut mounts, mut volumes) = (Vec::new(), Vec::new());
    if let Some(secret) = secret.filter(|_| !configured.files.is_empty()) {
        let items: Vec<Value> =
            configured.files.keys().map(|name| json!({ "key": name, "path": name, "mode": 0o444 })).collect();
        mounts.push(json!({ "name": "secrets", "mountPath": SECRETS, "readOnly": true }));
        volumes.push(json!({ "name": "secrets", "secret": { "secretName": secret, "items": items } }));
    }
    if container.files == Writing::ReadOnly {
        mounts.push(json!({ "name": "tmp", "mountPath": "/tmp" }));
        volumes.push(json!({ "name": "tmp", "emptyDir": {} }));
    }
    (mounts, volumes)
}

/// `NAME:ADDRESS` entries, by address.
fn aliases(entries: &[String]) -> Vec<Value> {
    let mut by_address: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, address) in entries.iter().filter_map(|entry| entry.split_once(':')) {
        by_address.entry(address).or_default().push(name);
    }
    by_address.into_iter().map(|(ip, hostnames)| json!({ "ip": ip, "hostnames": hostnames })).collect()
}
