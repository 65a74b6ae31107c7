//! What the account has to be allowed, and whether it is.

use std::sync::Arc;

use bascule_model::release::{Release, RouteKind};
use futures_util::future::try_join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::{ApiResource, PostParams};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::companions::networks;
use crate::error::KubernetesError;
use crate::objects::route;

/// Verbs on a resource of the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Right<'a> {
    pub(crate) group: &'a str,
    /// `RESOURCE` or `RESOURCE/SUBRESOURCE`.
    pub(crate) resource: &'a str,
    pub(crate) verbs: &'a [&'a str],
}

impl Right<'_> {
    /// Tells it from the others.
    pub(crate) fn key(&self) -> String {
        format!("{}/{} {}", self.group, self.resource, self.verbs.join(","))
    }
}

/// All that is needed, and nothing else.
pub(crate) const NEEDED: [Right<'static>; 13] = [
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

/// What `bascule exec` needs beside that: a deploy without tasks is not refused for the lack of it.
pub(crate) const FOR_COMMANDS: [Right<'static>; 2] = [
    Right { group: "batch", resource: "jobs", verbs: &["list", "create", "delete"] },
    Right { group: "", resource: "pods/attach", verbs: &["get", "create"] },
];

/// What is needed so that another machine can go on with a run: a deploy is not refused for the lack of it.
pub(crate) const FOR_MIRRORS: [Right<'static>; 1] =
    [Right { group: "", resource: "secrets", verbs: &["update"] }];

/// What makes the look before a deploy complete: where it is lacking, the look says what it did not see.
pub(crate) const FOR_LOOKING: [Right<'static>; 2] = [
    // Of a pod only a dry run is made.
    Right { group: "", resource: "pods", verbs: &["create"] },
    Right { group: "networking.k8s.io", resource: "networkpolicies", verbs: &["list"] },
];

/// What is needed where a Deployment is taken over.
pub(crate) const FOR_ADOPTION: [Right<'static>; 2] = [
    Right { group: "apps", resource: "replicasets", verbs: &["get", "list", "patch"] },
    Right { group: "", resource: "pods", verbs: &["patch"] },
];

/// What a release needs that says who may come in, beside listing them.
pub(crate) const FOR_NETWORKS: [Right<'static>; 1] = [Right {
    group: "networking.k8s.io",
    resource: "networkpolicies",
    verbs: &["create", "patch", "delete"],
}];

/// What is needed where users are moved by a route: it is looked at and written to, and never made.
pub(crate) fn for_route(kind: RouteKind) -> Right<'static> {
    Right { group: route::group(kind), resource: route::plural(kind), verbs: &["get", "patch"] }
}

/// What is needed for a release.
pub(super) fn needed(release: &Release) -> Vec<Right<'static>> {
    let mut all = NEEDED.to_vec();
    let route = release.cluster.as_ref().and_then(|cluster| cluster.route.as_ref());
    all.extend(route.map(|route| for_route(route.kind)));
    if !release.tasks.is_empty() {
        // Nobody is attached to them.
        all.extend(FOR_COMMANDS.iter().filter(|right| right.resource == "jobs"));
    }
    if networks::is_wanted(release) {
        all.extend(FOR_LOOKING.iter().filter(|right| right.resource == FOR_NETWORKS[0].resource));
        all.extend(FOR_NETWORKS);
    }
    all
}

/// What is needed for objects of the files of `manifests`.
pub(crate) fn of_extras<'a>(objects: &'a [(ApiResource, &Value)]) -> Vec<Right<'a>> {
    let mut all: Vec<Right<'a>> = Vec::new();
    for (resource, _) in objects {
        let verbs = &["get", "create", "patch", "delete"];
        let right = Right { group: &resource.group, resource: &resource.plural, verbs };
        if !all.contains(&right) {
            all.push(right);
        }
    }
    all
}

/// The rights that the account lacks of these, as `verb resource`.
pub(crate) async fn lacking(
    cluster: &Arc<Cluster>,
    rights: &[Right<'_>],
) -> Result<Vec<String>, KubernetesError> {
    let asked = rights.iter().flat_map(|right| right.verbs.iter().map(move |verb| ask(cluster, right, verb)));
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

async fn ask(
    cluster: &Arc<Cluster>,
    right: &Right<'_>,
    verb: &str,
) -> Result<Option<String>, KubernetesError> {
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
