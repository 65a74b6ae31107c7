//! What stands in clusters, from the journal into this folder's records, where the journal is shared or the environment was taken over:
//! whatever another control plane has put there is then looked at, switched to and stopped from here as if it had been put there from here.

use bascule_journal::EnvironmentRecord;
use bascule_model::problem::Problem;

use crate::control::Control;

/// All environments, before the first command is answered.
pub(crate) async fn all(control: &Control) -> Result<(), Problem> {
    for record in control.engine.journal().environments().await? {
        environment(control, &record).await?;
    }
    Ok(())
}

/// One environment. The cluster is not asked.
pub(crate) async fn environment(control: &Control, record: &EnvironmentRecord) -> Result<(), Problem> {
    #[cfg(feature = "kubernetes")]
    control.traffic.clusters.owned_by(&record.key, record.owner.as_deref());
    for (slot, release) in control.engine.standing_in_a_cluster(record).await? {
        #[cfg(feature = "kubernetes")]
        control.traffic.clusters.recall(slot, &release.release, &release.sealed).map_err(Problem::from)?;
        #[cfg(not(feature = "kubernetes"))]
        let _ = (slot, release);
    }
    Ok(())
}
