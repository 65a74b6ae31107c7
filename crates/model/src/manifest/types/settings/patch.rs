//! `[[environments.NAME.kubernetes.patches]]` as it is written.

use std::ops::Range;

use schemars::JsonSchema;
use serde_json::Value;

use super::Located;
use crate::ids::ServiceName;
use crate::manifest::schema;

/// What is added to the Deployments of an environment, as a strategic merge patch of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "KubernetesPatch", deny_unknown_fields)]
pub struct PatchSettings {
    /// Where the table begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// The service whose Deployment it is for. Without it, that of each service.
    #[schemars(with = "Option<schema::Name>")]
    pub service: Option<Located<ServiceName>>,
    /// `labels` and `annotations` of the Deployment.
    #[schemars(with = "Option<schema::PatchMetadata>")]
    pub metadata: Value,
    /// What is added to the Deployment's `spec`: in `template` alone.
    #[schemars(with = "Option<schema::AnyTable>")]
    pub spec: Value,
    /// The variables that it gives to containers.
    #[schemars(skip)]
    pub(crate) env: Vec<PatchedVariable>,
    /// Where it says how the service's own container begins and ends.
    #[schemars(skip)]
    pub(crate) lifecycle: Option<Range<usize>>,
}

/// A variable that a patch gives to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatchedVariable {
    /// Whether the container is the one that the service runs in.
    pub(crate) is_ours: bool,
    pub(crate) name: Located<String>,
    /// What it is; none where it is taken from elsewhere.
    pub(crate) value: Option<Located<String>>,
}
