//! What can be said of a cluster without a control plane.

use std::path::Path;

use bascule_model::problem::Problem;
use bascule_model::release::RouteKind;
pub use bascule_target_kubernetes::Survey;
use bascule_target_kubernetes::{Access, read_deployment, survey as look};
use serde_json::Value;

/// Looks at a namespace, as the account of the caller's kubeconfig. `routes`: by which kinds environments there move their users. Changes
/// nothing.
///
/// # Errors
/// Why nothing can be said of it.
pub async fn survey(
    kubeconfig: Option<&str>,
    home: Option<&str>,
    context: Option<&str>,
    (namespace, routes): (&str, &[RouteKind]),
) -> Result<Survey, Problem> {
    look(&Access::of_user(kubeconfig, home.map(Path::new)), context, namespace, routes).await
}

/// A Deployment that is there and the Services of its namespace, as the API has them. Changes nothing.
///
/// # Errors
/// Why it cannot be read.
pub async fn deployment(
    kubeconfig: Option<&str>,
    home: Option<&str>,
    context: Option<&str>,
    (namespace, name): (&str, &str),
) -> Result<(Value, Vec<Value>), Problem> {
    read_deployment(&Access::of_user(kubeconfig, home.map(Path::new)), context, namespace, name).await
}
