//! What can be said of a cluster before anybody deploys to it: whether it answers, has the namespace, and lets the account do what is
//! needed. Changes nothing.

use std::sync::Arc;
use std::time::Duration;

use bascule_model::problem::Problem;
use bascule_model::release::RouteKind;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::preflight::namespace;
use crate::preflight::permissions::{
    FOR_COMMANDS, FOR_LOOKING, FOR_MIRRORS, NEEDED, Right, for_route, lacking,
};

/// Who only looks does not wait for as long as a deploy does.
const PATIENCE: Duration = Duration::from_secs(8);

/// A cluster that answers, and what the account lacks in the namespace, as `verb resource`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Of the API server: `v1.33.2`.
    pub version: String,
    /// Without these no deploy begins.
    pub lacks: Vec<String>,
    /// Without these `bascule exec` does not work.
    pub lacks_for_commands: Vec<String>,
    /// Without these no other machine can go on with a run.
    pub lacks_for_mirrors: Vec<String>,
    /// Without these a look before a deploy sees less.
    pub lacks_for_looking: Vec<String>,
}

/// Looks. `routes`: by which kinds environments there move their users.
///
/// # Errors
/// Why nothing can be said: no way to the cluster, no answer, no namespace.
pub async fn survey(
    access: &Access,
    context: Option<&str>,
    namespace: &str,
    routes: &[RouteKind],
) -> Result<Survey, Problem> {
    let looking = tokio::time::timeout(PATIENCE, look(access, context, namespace, routes));
    let looked = looking.await.unwrap_or_else(|_| {
        let words = format!("nothing came within {} s", PATIENCE.as_secs());
        Err(KubernetesError::Away { doing: "look at the cluster".to_owned(), words })
    });
    looked.map_err(Problem::from)
}

async fn look(
    access: &Access,
    context: Option<&str>,
    name: &str,
    routes: &[RouteKind],
) -> Result<Survey, KubernetesError> {
    let client = access.client(context).await?;
    let cluster = Arc::new(Cluster::new(client, name.to_owned(), CancellationToken::new()));
    let version =
        cluster.call("ask for the version", || cluster.client.apiserver_version()).await?.git_version;
    namespace(&cluster).await?;
    let needed: Vec<Right<'_>> =
        NEEDED.into_iter().chain(routes.iter().map(|kind| for_route(*kind))).collect();
    Ok(Survey {
        version,
        lacks: lacking(&cluster, &needed).await?,
        lacks_for_commands: lacking(&cluster, &FOR_COMMANDS).await?,
        lacks_for_mirrors: lacking(&cluster, &FOR_MIRRORS).await?,
        lacks_for_looking: lacking(&cluster, &FOR_LOOKING).await?,
    })
}
