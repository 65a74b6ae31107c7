//! Reading a Deployment and the Services of its namespace, as they are. Changes nothing.

use bascule_model::problem::Problem;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::check::unfit;
use crate::access::Access;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::preflight::namespace;
use crate::target::stop::list;

/// A Deployment and the Services beside it, as the API has them.
///
/// # Errors
/// No way to the cluster, no such namespace or Deployment, or one that Bascule made.
pub async fn read_deployment(
    access: &Access,
    context: Option<&str>,
    within: &str,
    name: &str,
) -> Result<(Value, Vec<Value>), Problem> {
    read(access, context, within, name).await.map_err(Problem::from)
}

async fn read(
    access: &Access,
    context: Option<&str>,
    within: &str,
    name: &str,
) -> Result<(Value, Vec<Value>), KubernetesError> {
    let client = access.client(context).await?;
    let cluster = std::sync::Arc::new(Cluster::new(client, within.to_owned(), CancellationToken::new()));
    namespace(&cluster).await?;
    let found = cluster.get::<Deployment>(&format!("look at the Deployment {name}"), name).await?;
    let found =
        found.ok_or_else(|| unfit(name, &format!("there is none of that name in the namespace {within}")))?;
    if found.annotations().contains_key(crate::names::OWNER) {
        return Err(unfit(name, "Bascule made it"));
    }
    let services = list::<Service>(&cluster, "Services", "").await?;
    let services = services.iter().map(|service| json!(service)).collect();
    Ok((json!(found), services))
}
