//! The NetworkPolicy of a service: who may come in to its pods, whatever release they are of. Nothing is said of where they may go.

use std::collections::BTreeSet;

use bascule_model::ids::{EnvironmentKey, ServiceName};
use bascule_model::plan::hex;
use bascule_model::release::{Peer, Release};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::names;

pub(crate) const GROUP: &str = "networking.k8s.io";
/// Versions that we can write.
pub(crate) const VERSIONS: [&str; 1] = ["v1"];
/// What every namespace is labelled with since Kubernetes 1.21.
const NAMESPACE: &str = "kubernetes.io/metadata.name";

/// Who may come in to a service of which these releases stand; none: whoever comes. One that says nothing has to be reached as before,
/// and so has each of several: none of them loses who it has while another one stands beside it.
pub(crate) fn peers<'a>(
    releases: impl IntoIterator<Item = &'a Release>,
    service: &ServiceName,
) -> Option<BTreeSet<&'a Peer>> {
    let services = releases.into_iter().filter_map(|release| release.service(service));
    let mut all = None;
    for service in services {
        let network = service.pods.network.as_ref()?;
        all.get_or_insert_with(BTreeSet::new).extend(&network.from);
    }
    all
}

/// The object. `owner` is the state folder's id.
pub(crate) fn policy(
    key: &EnvironmentKey,
    service: &ServiceName,
    peers: &BTreeSet<&Peer>,
    version: &str,
    owner: &str,
) -> Value {
    let ingress = if peers.contains(&Peer::Everyone) {
        // A rule that names nobody is for everybody.
        json!([{}])
    } else if peers.is_empty() {
        json!([])
    } else {
        json!([{ "from": peers.iter().map(|peer| selected(key, peer)).collect::<Vec<_>>() }])
    };
    let spec = json!({
        "podSelector": { "matchLabels": names::pods_of(key, service) },
        "policyTypes": ["Ingress"],
        "ingress": ingress,
    });
    let print = hex(&Sha256::digest(spec.to_string()));
    json!({
        "apiVersion": format!("{GROUP}/{version}"),
        "kind": "NetworkPolicy",
        "metadata": {
            "name": names::service(&key.app, service),
            "labels": names::of_every_release(key, service),
            "annotations": { names::SPEC: print, names::OWNER: owner },
        },
        "spec": spec,
    })
}

fn selected(key: &EnvironmentKey, peer: &Peer) -> Value {
    match peer {
        Peer::App => json!({ "podSelector": { "matchLabels": {
            names::APP: key.app.as_str(), names::ENVIRONMENT: key.environment.as_str(),
        } } }),
        Peer::Namespace | Peer::Everyone => json!({ "podSelector": {} }),
        Peer::OtherNamespace(name) => json!({ "namespaceSelector": { "matchLabels": { NAMESPACE: name } } }),
        Peer::Addresses { base, bits } => json!({ "ipBlock": { "cidr": format!("{base}/{bits}") } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingress(peers: &[&str]) -> Value {
        let peers: Vec<Peer> = peers.iter().map(|text| text.parse().unwrap()).collect();
        let key = "shop/staging".parse().unwrap();
        let policy = policy(&key, &"web".parse().unwrap(), &peers.iter().collect(), "v1", "state-1");
        let selector = &policy["spec"]["podSelector"]["matchLabels"];
        assert_eq!(selector.as_object().unwrap().len(), 3, "no release and no slot: {selector}");
        policy["spec"]["ingress"].clone()
    }

    #[test]
    fn who_is_named_comes_in() {
        let ours = json!({ "podSelector": { "matchLabels": { "bascule.dev/app": "shop", "bascule.dev/environment": "staging" } } });
        for (peers, expected) in [
            (vec![], json!([])),
            (vec!["app"], json!([{ "from": [ours] }])),
            (vec!["namespace"], json!([{ "from": [{ "podSelector": {} }] }])),
            (
                vec!["namespace/gate"],
                json!([{ "from": [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "gate" } } }] }]),
            ),
            (vec!["10.0.0.0/8", "app"], json!([{ "from": [ours, { "ipBlock": { "cidr": "10.0.0.0/8" } }] }])),
            (vec!["everyone", "app"], json!([{}])),
        ] {
            assert_eq!(ingress(&peers), expected, "{peers:?}");
        }
    }
}
