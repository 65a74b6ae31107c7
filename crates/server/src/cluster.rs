//! What can be said of a cluster without a control plane.

use std::path::Path;

use bascule_model::problem::Problem;
pub use bascule_target_kubernetes::Survey;
use bascule_target_kubernetes::{Access, survey as look};

/// Looks at a namespace, as the account of the caller's kubeconfig. Changes nothing.
///
/// # Errors
/// Why nothing can be said of it.
pub async fn survey(
    kubeconfig: Option<&str>,
    home: Option<&str>,
    context: Option<&str>,
    namespace: &str,
) -> Result<Survey, Problem> {
    look(&Access::of_user(kubeconfig, home.map(Path::new)), context, namespace).await
}
