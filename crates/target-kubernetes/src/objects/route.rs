//! An Ingress or HTTPRoute of the user's, as it leads to our Services: each service has two, called by slot, and which of them the backends
//! name says who gets the users. Pure.

use bascule_model::ids::{AppName, ServiceName, Slot};
use bascule_model::release::{Route, RouteKind};
use serde_json::{Value, json};

use super::{pod, service};
use crate::names;

/// Where the API server keeps a kind.
pub(crate) fn group(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Ingress => "networking.k8s.io",
        RouteKind::HTTPRoute => "gateway.networking.k8s.io",
    }
}

/// What the API server calls its objects.
pub(crate) fn plural(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Ingress => "ingresses",
        RouteKind::HTTPRoute => "httproutes",
    }
}

/// Versions that are understood, the best first.
pub(crate) const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// The fields of `spec` that backends are in.
pub(crate) const FIELDS: [&str; 3] = ["rules", "defaultBackend", "backend"];

/// What a route is called.
pub(crate) fn titled(route: &Route) -> String {
    format!("{} {}", route.kind.as_str(), route.name)
}

/// A place of a route that leads to a Service of its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backend {
    /// Where its name is written, as a JSON pointer.
    pub(crate) pointer: String,
    /// The Service.
    pub(crate) name: String,
    /// The port of that, as it is written.
    port: Value,
    /// Whether its rule has others beside it, among which requests are split.
    is_split: bool,
}

/// To which slot a route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Slot(Slot),
    /// It leads to none of our Services.
    Nobody,
    /// It leads to both at once; as in "it …".
    Amiss(String),
}

/// Services of an app that users come to through a route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Routed<'a> {
    pub(crate) app: &'a AppName,
    /// The one that leads first.
    pub(crate) services: &'a [ServiceName],
}

/// All places of an object that lead to a Service. `namespace` is where it is.
pub(crate) fn backends(kind: RouteKind, namespace: &str, object: &Value) -> Vec<Backend> {
    match kind {
        RouteKind::Ingress => of_ingress(object),
        RouteKind::HTTPRoute => of_http_route(namespace, object),
    }
}

fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn of_ingress(object: &Value) -> Vec<Backend> {
    // `backend` is what the default one is called in v1beta1.
    let mut places: Vec<String> = ["/spec/defaultBackend", "/spec/backend"].map(str::to_owned).to_vec();
    for (rule, one) in items(object, "/spec/rules") {
        let paths = items(one, "/http/paths");
        places.extend(paths.map(|(path, _)| format!("/spec/rules/{rule}/http/paths/{path}/backend")));
    }
    let of = |place: String| {
        let backend = object.pointer(&place)?;
        // A Service by a table of its own in v1, and by two fields in v1beta1.
        let (at, name, port) = match backend.get("service") {
            Some(named) => {
                let port = &named["port"];
                ("service/name", &named["name"], port.get("number").or(port.get("name")))
            }
            None => ("serviceName", &backend["serviceName"], backend.get("servicePort")),
        };
        Some(Backend {
            pointer: format!("{place}/{at}"),
            name: name.as_str()?.to_owned(),
            port: port.cloned().unwrap_or_default(),
            is_split: false,
        })
    };
    places.into_iter().filter_map(of).collect()
}

fn of_http_route(namespace: &str, object: &Value) -> Vec<Backend> {
    let mut all = Vec::new();
    for (rule, one) in items(object, "/spec/rules") {
        let is_split = items(one, "/backendRefs").count() > 1;
        for (at, backend) in items(one, "/backendRefs") {
            let is = |key: &str, usual: &str| {
                backend.get(key).and_then(Value::as_str).is_none_or(|value| value == usual)
            };
            let Some(name) = backend["name"].as_str() else { continue };
            if is("group", "") && is("kind", "Service") && is("namespace", namespace) {
                all.push(Backend {
                    pointer: format!("/spec/rules/{rule}/backendRefs/{at}/name"),
                    name: name.to_owned(),
                    port: backend["port"].clone(),
                    is_split,
                });
            }
        }
    }
    all
}

impl Routed<'_> {
    /// The service and slot that a Service is of; none where it is none of ours.
    fn slot_of(&self, name: &str) -> Option<(&ServiceName, Slot)> {
        let mut all = self.services.iter().flat_map(|service| Slot::ALL.map(|slot| (service, slot)));
        all.find(|(service, slot)| names::slot_service(self.app, service, *slot) == name)
    }

    /// To which slot these places lead.
    pub(crate) fn named(&self, backends: &[Backend]) -> Named {
        let ours = backends.iter().filter_map(|one| Some((one, self.slot_of(&one.name)?)));
        let ours: Vec<(&Backend, (&ServiceName, Slot))> = ours.collect();
        let Some((first, (_, slot))) = ours.first() else { return Named::Nobody };
        if let Some((other, _)) = ours.iter().find(|(_, (_, other))| other != slot) {
            return Named::Amiss(format!("leads to {} and to {}", first.name, other.name));
        }
        let leads = |lead: &ServiceName| ours.iter().any(|(_, (service, _))| *service == lead);
        if self.services.first().is_some_and(leads) { Named::Slot(*slot) } else { Named::Nobody }
    }

    /// Why users could not be moved by these places as a whole, as in "it …"; none where they could. Asked before a release comes: the way
    /// back swaps the names, whatever else stands beside them.
    pub(crate) fn unfit(&self, backends: &[Backend]) -> Option<String> {
        backends.iter().filter(|one| self.slot_of(&one.name).is_some()).find_map(unfit)
    }

    /// Services to which none of these places leads.
    pub(crate) fn unnamed(&self, backends: &[Backend]) -> Vec<&ServiceName> {
        let is_named = |service: &ServiceName| {
            backends.iter().any(|one| self.slot_of(&one.name).is_some_and(|(found, _)| found == service))
        };
        self.services.iter().filter(|service| !is_named(service)).collect()
    }

    /// Where a name is to be replaced so that all of these places lead to a slot: pointer, what it is now, what it is to be.
    pub(crate) fn swaps<'a>(&self, backends: &'a [Backend], to: Slot) -> Vec<(&'a str, &'a str, String)> {
        let swap = |backend: &'a Backend| {
            let (service, slot) = self.slot_of(&backend.name)?;
            let name = names::slot_service(self.app, service, to);
            (slot != to).then_some((backend.pointer.as_str(), backend.name.as_str(), name))
        };
        backends.iter().filter_map(swap).collect()
    }

    /// The operations of a JSON Patch that have the object lead to a slot, if what they change is still as it was read. None where it
    /// does.
    pub(crate) fn moved(&self, object: &Value, backends: &[Backend], to: Slot) -> Vec<Value> {
        let swaps = self.swaps(backends, to);
        let mut all = Vec::new();
        // Places are found by their number: whoever adds a rule moves them.
        for field in FIELDS.iter().filter(|_| !swaps.is_empty()) {
            if let Some(value) = object["spec"].get(field) {
                all.push(json!({ "op": "test", "path": format!("/spec/{field}"), "value": value }));
            }
        }
        all.extend(
            swaps.into_iter().map(|(path, _, name)| json!({ "op": "replace", "path": path, "value": name })),
        );
        all
    }
}

/// Why a place does not move all of its users; none where it does.
fn unfit(backend: &Backend) -> Option<String> {
    let (name, port) = (&backend.name, service::PORT);
    if backend.is_split {
        let (rule, _) = backend.pointer.rsplit_once("/backendRefs").unwrap_or_default();
        let place = path(rule);
        return Some(format!(
            "splits the requests of a rule among several backends ({place}), of which {name} is one"
        ));
    }
    let is_ours = backend.port == json!(port) || backend.port == json!(pod::PORT);
    (!is_ours).then(|| format!("leads to the port {} of {name}, whose port is {port}", backend.port))
}

/// A JSON pointer as people write it: `spec.rules[0].backendRefs`.
pub(crate) fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.extend(["[", part, "]"]);
        } else {
            path.extend([if path.is_empty() { "" } else { "." }, part]);
        }
    }
    path
}

#[cfg(test)]
mod tests;
