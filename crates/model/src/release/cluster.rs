//! What a release says of the cluster that it runs in; nothing of it counts on other targets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DeploymentPatch, Network};
use crate::ids::ServiceName;

/// Where in which cluster an environment is, and how its users come in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cluster {
    /// The context of the kubeconfig; none: its current one, or the cluster that Bascule itself runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The namespace.
    pub namespace: String,
    /// The kind of its Services.
    pub service: ServiceKind,
    /// The port of each node that leads to the service that gets `/`; none: the cluster chooses one where the kind needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_port: Option<u16>,
    /// The name of the Service in front of the service that gets `/`; none: Bascule's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// The object of the user's whose backends are swapped to move users; none: what Services select is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// The Deployment whose pods the environment's first release takes over; none: it makes its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<String>,
    /// Who counts users' requests; none: nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<Observe>,
    /// Requests of our own during a bake; none: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeLoad>,
    /// Whether what another machine needs to go on with a run is kept in the namespace.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub mirror: bool,
    /// Secrets of the namespace with which nodes get the image, beside those of its account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pull_secrets: Vec<String>,
    /// What is added to its Deployments, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<DeploymentPatch>,
    /// Objects beside those that Bascule makes by itself, as an API server takes them, without a namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Value>,
}

const fn yes() -> bool {
    true
}

impl Cluster {
    /// Whether an environment is where the other one is: what else they say may change from one release to the next.
    #[must_use]
    pub fn is_where(&self, other: &Self) -> bool {
        let place = |one: &Self| {
            let names = (one.context.clone(), one.namespace.clone(), one.service_name.clone());
            (names, one.service, one.node_port, one.route.clone())
        };
        place(self) == place(other)
    }
}

/// An object of the user's that leads users to Services: which of two, blue or green, says who is live.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// What it is.
    pub kind: RouteKind,
    /// Its name, in the environment's namespace.
    pub name: String,
    /// The services that users come to through it; none: each one that has a port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceName>,
}

impl Route {
    /// Whether users come to a service through it.
    #[must_use]
    pub fn leads_to(&self, service: &ServiceName) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }
}

/// The kind of an object that leads users to Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RouteKind {
    /// Of `networking.k8s.io`.
    Ingress,
    /// Of the Gateway API.
    HTTPRoute,
}

impl RouteKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::HTTPRoute];

    /// The name that Kubernetes has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::HTTPRoute => "HTTPRoute",
        }
    }
}

/// Requests of our own through a Service, which a bake decides on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProbeLoad {
    /// How many in a second.
    pub rate: u32,
    /// What is asked for; none: what a check asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A Prometheus that knows users' requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Observe {
    /// `http://HOST[:PORT][/PATH]`.
    pub prometheus: String,
    /// Whose figures it is asked for.
    pub by: ObservedBy,
    /// In place of the usual query for requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<String>,
    /// In place of the usual query for errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<String>,
    /// In place of the usual query for times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<String>,
}

/// Whose figures of users' requests a Prometheus has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservedBy {
    /// The controller for Ingresses.
    #[default]
    IngressNginx,
    /// A gateway or a mesh.
    Envoy,
    /// The app itself.
    App,
}

impl ObservedBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::IngressNginx, Self::Envoy, Self::App];

    /// The name as it is written in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IngressNginx => "ingress-nginx",
            Self::Envoy => "envoy",
            Self::App => "app",
        }
    }
}

/// The kind of a Kubernetes Service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServiceKind {
    /// An address inside the cluster.
    #[default]
    ClusterIP,
    /// And a port of each node.
    NodePort,
    /// And a load balancer outside.
    LoadBalancer,
}

impl ServiceKind {
    /// The name that Kubernetes has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// How many pods of a service a cluster may run and take away by itself, and who comes in to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pods {
    /// The cluster chooses how many there are; none: as many as the service has instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// So many of them may be taken away at once when a node is emptied; none: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// Who may come in to them; none: whoever the cluster lets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

impl Pods {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Within which bounds a cluster chooses how many pods there are, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Never fewer, at least 1.
    pub min: u32,
    /// Never more, at least `min`.
    pub max: u32,
    /// The share of the requested cores that pods are to use on average, in percent, 1 to 100.
    pub cpu: u32,
}
