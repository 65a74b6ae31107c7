//! What Bascule would make in a cluster, as YAML for those who keep it themselves.

use bascule_engine::ports::{SlotSpec, traffic_services};
use bascule_model::ids::{Generation, Slot};
use bascule_model::release::Cluster;
use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::companions::extras;
use crate::objects::ending::Waits;
use crate::objects::service::{service, slot_service};
use crate::objects::{budget, deployment, extra, network, scaler};
use crate::preflight::permissions::{
    self, FOR_ADOPTION, FOR_COMMANDS, FOR_LOOKING, FOR_MIRRORS, FOR_NETWORKS, NEEDED,
};
use crate::record;

/// The objects of a release in the order in which they are made: those of the files of `manifests`, configuration, Deployments, what belongs to their
/// services (in the newest version that is known; a cluster gets the best that it has), Services. Values of Secrets are not shown.
#[must_use]
pub fn objects(spec: &SlotSpec, owner: &str) -> Vec<Value> {
    let applied = |object| extra::applied(&spec.release.key, object, owner);
    let mut all: Vec<Value> = extras::of(&spec.release).iter().map(applied).collect();
    for one in &spec.release.services {
        let mut made = deployment::objects(spec, one, one.instances, Waits::ByItself, owner);
        if let Some(data) = made.secret.as_mut().and_then(|secret| secret["data"].as_object_mut()) {
            data.values_mut().for_each(|value| *value = json!("***"));
        }
        all.extend(made.config_map);
        all.extend(made.secret);
        all.push(made.deployment);
    }
    let key = &spec.release.key;
    for one in &spec.release.services {
        if budget::is_wanted(one) {
            all.push(budget::budget(key, one, budget::VERSIONS[0], owner));
        }
        if let Some(peers) = network::peers([&spec.release], &one.name) {
            all.push(network::policy(key, &one.name, &peers, network::VERSIONS[0], owner));
        }
        if let Some(scale) = one.pods.scale {
            let name = crate::names::deployment(&key.app, &one.name, &spec.release.id);
            all.push(scaler::scaler(key, &one.name, scale, &name, scaler::VERSIONS[0], owner));
        }
    }
    if let Some(cluster) = &spec.release.cluster {
        for (index, one) in traffic_services(&spec.release).enumerate() {
            if record::is_routed(cluster, &one.name) {
                let of = |slot| slot_service(key, &one.name, slot, cluster, owner);
                all.extend(Slot::ALL.map(of));
                continue;
            }
            all.push(service(
                &spec.release.key,
                &one.name,
                cluster,
                index == 0,
                Generation::default(),
                owner,
            ));
        }
    }
    all
}

/// The Role that the account needs in an environment's namespace, with a binding to an account of the same name.
#[must_use]
pub fn role(cluster: &Cluster) -> Vec<Value> {
    let namespace = &cluster.namespace;
    let extras: Vec<(ApiResource, &Value)> =
        cluster.manifests.iter().map(|object| (guessed(object), object)).collect();
    let route = cluster.route.as_ref().map(|route| permissions::for_route(route.kind));
    let rules: Vec<Value> = NEEDED
        .iter()
        .chain(&FOR_COMMANDS)
        .chain(&FOR_MIRRORS)
        .chain(&FOR_LOOKING)
        .chain(&FOR_ADOPTION)
        .chain(&FOR_NETWORKS)
        .chain(&route)
        .chain(&permissions::of_extras(&extras))
        .map(|right| json!({ "apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs }))
        .collect();
    let metadata = json!({ "name": "bascule", "namespace": namespace });
    vec![
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "bascule" },
            "subjects": [{ "kind": "ServiceAccount", "name": "bascule", "namespace": namespace }],
        }),
    ]
}

/// The resource of an object, called as nearly all are: no cluster is asked.
fn guessed(object: &Value) -> ApiResource {
    let (group, kind, _) = extra::identity(object);
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let version = version.split_once('/').map_or(version, |(_, version)| version);
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}
