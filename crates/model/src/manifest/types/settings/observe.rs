//! `[observe]` as it is written.

use std::ops::Range;

use schemars::JsonSchema;

use super::Located;
use crate::manifest::schema;
use crate::release::ObservedBy;

/// Who counts users' requests where they go past Bascule: in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Observe", deny_unknown_fields)]
pub struct ObserveSettings {
    /// The address of a Prometheus, as in `"http://prometheus.monitoring:9090"`.
    #[schemars(with = "Option<schema::PrometheusAddress>")]
    pub prometheus: Option<Located<String>>,
    /// Whose figures are asked for. `ingress-nginx`: those of that controller. `envoy`: those of Envoy as a gateway or a mesh. `app`: the
    /// app's own histogram `http_request_duration_seconds`.
    #[schemars(with = "Option<schema::ObservedByName>", extend("default" = "ingress-nginx"))]
    pub by: Option<Located<ObservedBy>>,
    /// A query of your own for how many requests ended: one number. `$window` is the time since the switch, as in `35s`; `$namespace`,
    /// `$service` and `$pods` (a regular expression) are the app's.
    #[schemars(length(min = 1))]
    pub requests: Option<Located<String>>,
    /// The same for how many of them failed.
    #[schemars(length(min = 1))]
    pub errors: Option<Located<String>>,
    /// The same for how long they took: a number for each `le`, in seconds.
    #[schemars(length(min = 1))]
    pub latency: Option<Located<String>>,
    /// Requests of our own through the Service during a bake, where no Prometheus is asked.
    pub probe: Option<ProbeSettings>,
}

/// Requests of our own through a Service.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "ProbeLoad", deny_unknown_fields)]
pub struct ProbeSettings {
    /// Where it is written.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// How many in a second. Has to be said.
    #[schemars(range(min = 1, max = 200))]
    pub rate: Option<Located<u32>>,
    /// What is asked for. Without it: what the first plain GET of `[[verify]]` asks for, else the path of the health check.
    #[schemars(with = "Option<schema::UrlPath>")]
    pub path: Option<Located<String>>,
}
