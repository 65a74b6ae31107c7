//! What the account has to be allowed, and whether it is.

use std::sync::Arc;

use futures_util::future::try_join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use crate::cluster::Cluster;
use crate::error::KubernetesError;

/// Verbs on a resource of the namespace.
pub(crate) struct Right {
    pub(crate) group: &'static str,
    /// `RESOURCE` or `RESOURCE/SUBRESOURCE`.
    pub(crate) resource: &'static str,
    pub(crate) verbs: &'static [&'static str],
}

/// All that is needed, and nothing else.
pub(crate) const NEEDED: [Right; 13] = [
    Right {
        group: "apps",
        resource: "deployments",
        verbs: &["get", "list", "watch", "create", "patch", "delete"],
    },
    Right { group: "", resource: "pods", verbs: &["get", "list", "watch"] },
    Right { group: "", resource: "pods/log", verbs: &["get"] },
    Right { group: "", resource: "pods/portforward", verbs: &["get", "create"] },
    Right { group: "", resource: "services", verbs: &["get", "create", "patch", "delete"] },
    Right { group: "", resource: "configmaps", verbs: &["get", "list", "create", "delete"] },
    Right { group: "", resource: "secrets", verbs: &["get", "list", "create", "delete"] },
    Right { group: "", resource: "events", verbs: &["list"] },
    Right { group: "", resource: "resourcequotas", verbs: &["list"] },
    Right {
        group: "autoscaling",
        resource: "horizontalpodautoscalers",
        verbs: &["list", "create", "patch", "delete"],
    },
    Right {
        group: "policy",
        resource: "poddisruptionbudgets",
        verbs: &["list", "create", "patch", "delete"],
    },
    Right { group: "coordination.k8s.io", resource: "leases", verbs: &["get", "create", "update", "delete"] },
    Right { group: "discovery.k8s.io", resource: "endpointslices", verbs: &["list"] },
];

/// What `bascule exec` needs beside that: a deploy is not refused for the lack of it.
pub(crate) const FOR_COMMANDS: [Right; 2] = [
    Right { group: "batch", resource: "jobs", verbs: &["list", "create", "delete"] },
    Right { group: "", resource: "pods/attach", verbs: &["get", "create"] },
];

/// What makes the look before a deploy complete: where it is lacking, the look says what it did not see.
pub(crate) const FOR_LOOKING: [Right; 2] = [
    // Of a pod only a dry run is made.
    Right { group: "", resource: "pods", verbs: &["create"] },
    Right { group: "networking.k8s.io", resource: "networkpolicies", verbs: &["list"] },
];

/// The rights that the account lacks, as `verb resource`.
pub(super) async fn missing(cluster: &Arc<Cluster>) -> Result<Vec<String>, KubernetesError> {
    let asked = NEEDED.iter().flat_map(|right| right.verbs.iter().map(move |verb| ask(cluster, right, verb)));
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

async fn ask(cluster: &Arc<Cluster>, right: &Right, verb: &str) -> Result<Option<String>, KubernetesError> {
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (right.resource, None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(cluster.namespace.clone()),
                verb: Some(verb.to_owned()),
                group: Some(right.group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource: subresource.map(str::to_owned),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let doing = "ask what the account may do";
    let params = PostParams::default();
    let answer = cluster.call(doing, || api.create(&params, &review)).await?;
    let may = answer.status.is_some_and(|status| status.allowed);
    Ok((!may).then(|| format!("{verb} {}", right.resource)))
}
