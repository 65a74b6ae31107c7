//! What Bascule makes in a cluster, for those who want to read or keep it.

use bascule_model::problem::{Code, Problem};
use bascule_model::release::TargetKind;
use serde_json::Value;

use crate::api::RenderRequest;
use crate::control::Control;

/// The objects of a release, in the order in which they are made; values of Secrets are hidden.
///
/// # Errors
/// When the release is not known, is not for a cluster, or its values cannot be opened.
pub(crate) async fn objects(control: &Control, request: &RenderRequest) -> Result<Vec<Value>, Problem> {
    let spec = control.engine.slot_spec(&request.key, request.release.as_ref()).await?;
    if spec.release.target != TargetKind::Kubernetes {
        let (release, target) = (&spec.release.id, spec.release.target.as_str());
        return Err(Problem::new(
            Code::Usage,
            format!("{release} of {} has the target {target}: it has no objects in a cluster", request.key),
            "name an environment with target = \"kubernetes\"",
        ));
    }
    #[cfg(feature = "kubernetes")]
    return Ok(bascule_target_kubernetes::render_objects(
        &spec,
        &control.traffic.clusters.owner(&request.key),
    ));
    #[cfg(not(feature = "kubernetes"))]
    Ok(Vec::new())
}

/// The Role that the account at a cluster needs for an environment, and what gives it.
#[cfg(feature = "kubernetes")]
#[must_use]
pub fn role(cluster: &bascule_model::release::Cluster) -> Vec<Value> {
    bascule_target_kubernetes::render_role(cluster)
}
