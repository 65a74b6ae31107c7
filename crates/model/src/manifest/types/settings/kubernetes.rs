//! `[environments.NAME.kubernetes]` as it is written.

use std::ops::Range;

use schemars::JsonSchema;

use super::{Located, PatchSettings};
use crate::ids::ServiceName;
use crate::manifest::schema;
use crate::release::{RouteKind, ServiceKind};

/// What an environment in a cluster has beside the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Kubernetes", deny_unknown_fields)]
pub struct KubernetesSettings {
    /// How users come in, as in `service = { type = "NodePort", node_port = 30080 }`.
    pub service: Option<ClusterServiceSettings>,
    /// What is written to move users. `selector`: whom the Service selects. `route`: to which of two Services an Ingress or HTTPRoute
    /// leads, for load balancers that handle changes of a selector badly.
    #[schemars(with = "Option<schema::SwitchName>", extend("default" = "selector"))]
    pub switch: Option<Located<SwitchBy>>,
    /// With `switch = "route"`: the object by which users come in, as in `route = { kind = "Ingress", name = "shop" }`.
    pub route: Option<RouteSettings>,
    /// Secrets of the namespace, of the type `kubernetes.io/dockerconfigjson`, with which its nodes get the image from a registry.
    #[schemars(with = "Option<Vec<schema::ObjectName>>")]
    pub pull_secrets: Option<Vec<Located<String>>>,
    /// Whether what another machine needs to go on with a run is kept in a Secret of the namespace.
    #[schemars(extend("default" = true))]
    pub mirror: Option<Located<bool>>,
    /// A Deployment that is there already: the first deploy takes its pods over as they run. `service.name` is the Service that users of it
    /// come in by.
    #[schemars(with = "Option<schema::ObjectName>")]
    pub adopt: Option<Located<String>>,
    /// What is added to its Deployments, one after the other.
    pub patches: Option<Vec<PatchSettings>>,
    /// Files with objects beside those that Bascule makes by itself, relative to the manifest's folder, as in `["k8s/*.yaml"]`.
    #[schemars(with = "Option<Vec<schema::ObjectFiles>>")]
    pub manifests: Option<Vec<Located<String>>>,
}

/// The Service in front of the pods.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "KubernetesService", deny_unknown_fields)]
pub struct ClusterServiceSettings {
    /// Its name; without it, it is called by the app and its service. For the one that gets `/`.
    #[schemars(with = "Option<schema::LabelName>")]
    pub name: Option<Located<String>>,
    /// `ClusterIP`: inside the cluster. `NodePort`: a port of each node as well. `LoadBalancer`: a load balancer as well.
    #[schemars(rename = "type", with = "Option<schema::ServiceKindName>", extend("default" = "ClusterIP"))]
    pub kind: Option<Located<ServiceKind>>,
    /// The port of each node. `listen` is that port on this machine where nothing else is said.
    #[schemars(range(min = 1, max = 65535))]
    pub node_port: Option<Located<u16>>,
}

/// What is written to move users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SwitchBy {
    /// Whom a Service selects.
    #[default]
    Selector,
    /// To which of two Services an object of the user's leads.
    Route,
}

/// The Ingress or HTTPRoute by which users come in. It is the user's own; its backends are swapped.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "KubernetesRoute", deny_unknown_fields)]
pub struct RouteSettings {
    /// Where it is written.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// What it is. Has to be said.
    #[schemars(with = "Option<schema::RouteKindName>")]
    pub kind: Option<Located<RouteKind>>,
    /// Its name in the environment's namespace. Has to be said.
    #[schemars(with = "Option<schema::ObjectName>")]
    pub name: Option<Located<String>>,
    /// The services that users come to through it; the others keep a Service whose selector follows. Without it: each one with a `port`.
    #[schemars(with = "Option<Vec<schema::Name>>")]
    pub services: Option<Vec<Located<ServiceName>>>,
}
