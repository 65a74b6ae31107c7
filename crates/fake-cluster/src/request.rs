//! A request as the server understands it: method, path, query, and which resource that names.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::failure::Failure;
use crate::kinds::{Flavour, Resource, Scope, served};
use crate::managers::{Actor, Operation};
use crate::patch::Conflicts;
use crate::write::Persist;

/// A request, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub method: http::Method,
    pub path: String,
    pub query: Query,
    pub content_type: String,
    pub user_agent: String,
    pub body: Vec<u8>,
}

impl Request {
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::bad_request(format!("the body of the request is no JSON: {error}")))
    }

    /// A body that is a JSON object.
    pub(crate) fn object(&self) -> Result<Value, Failure> {
        let body = self.json()?;
        if body.is_object() {
            Ok(body)
        } else {
            Err(Failure::bad_request("the body of the request is no object"))
        }
    }

    pub(crate) fn persist(&self) -> Persist {
        if self.query.get("dryRun") == Some("All") { Persist::DryRun } else { Persist::Kept }
    }

    pub(crate) fn conflicts(&self) -> Conflicts {
        if self.query.is_on("force") { Conflicts::Forced } else { Conflicts::Refused }
    }

    /// The field manager: what the request says, else the first part of its user agent.
    pub(crate) fn actor(&self, operation: Operation, subresource: &'static str) -> Actor {
        let agent = self.user_agent.split('/').next().filter(|agent| !agent.is_empty()).unwrap_or("unknown");
        let manager = self.query.get("fieldManager").unwrap_or(agent).to_owned();
        Actor { manager, operation, subresource }
    }
}

/// The parameters behind `?`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let decode =
            |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1"))
    }
}

/// What a path names.
#[derive(Debug)]
pub(crate) enum Route {
    Version,
    Health,
    CoreVersions,
    Groups,
    Group(String),
    /// Group and version.
    Resources(String, String),
    /// `selfsubjectaccessreviews` and the like: made, answered, forgotten.
    Review,
    Object(Target),
}

/// A kind, and the object of it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub resource: &'static Resource,
    /// Empty for all namespaces, and for what belongs to the cluster.
    pub namespace: String,
    /// Empty for all of the kind.
    pub name: String,
    pub subresource: String,
}

impl Route {
    pub(crate) fn of(path: &str, flavour: Flavour) -> Result<Self, Failure> {
        let parts: Vec<_> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["version"] => return Ok(Self::Version),
            ["healthz" | "livez" | "readyz", ..] => return Ok(Self::Health),
            ["api"] => return Ok(Self::CoreVersions),
            ["apis"] => return Ok(Self::Groups),
            ["apis", group] => return Ok(Self::Group((*group).to_owned())),
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(Failure::unknown_path()),
        };
        if rest.is_empty() {
            return Ok(Self::Resources(group.to_owned(), version.to_owned()));
        }
        if (group, version) == ("authorization.k8s.io", "v1") && *rest == ["selfsubjectaccessreviews"] {
            return Ok(Self::Review);
        }
        let (namespace, plural, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..] if *plural != "status" => {
                (*namespace, *plural, rest)
            }
            [plural, rest @ ..] => ("", *plural, rest),
            [] => return Err(Failure::unknown_path()),
        };
        let found =
            served(flavour).find(|one| (one.group, one.version, one.plural) == (group, version, plural));
        let resource = found.ok_or_else(Failure::unknown_path)?;
        let (name, subresource) = match rest {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource] if resource.has(subresource) => (*name, *subresource),
            _ => return Err(Failure::unknown_path()),
        };
        let is_named = !name.is_empty();
        if (resource.scope == Scope::Cluster) != namespace.is_empty()
            && (is_named || resource.scope == Scope::Cluster)
        {
            return Err(Failure::unknown_path());
        }
        Ok(Self::Object(Target {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        }))
    }
}

impl Target {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`: as roles name what is done.
    pub(crate) fn verb(&self, request: &Request) -> &'static str {
        match request.method.as_str() {
            "GET" if self.name.is_empty() && request.query.is_on("watch") => "watch",
            "GET" if self.name.is_empty() => "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" if self.name.is_empty() => "deletecollection",
            "DELETE" => "delete",
            _ => "get",
        }
    }

    /// `pods`, `pods/log`.
    pub(crate) fn resource_name(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.plural.to_owned()
        } else {
            format!("{}/{}", self.resource.plural, self.subresource)
        }
    }
}
