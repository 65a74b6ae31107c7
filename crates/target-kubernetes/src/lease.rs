//! Taking, renewing and giving back the Lease of an environment, each by a write that is refused when somebody else wrote since.

use bascule_engine::ports::Claim;
use bascule_model::ids::{EnvironmentKey, Generation};
use bascule_model::release::Release;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Preconditions};

use crate::cluster::{Cluster, ours};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::lease::{self, Standing};
use crate::record;
use crate::shared::{Clusters, lock};
use crate::target::cluster_of;

/// How often somebody else may be quicker.
const ATTEMPTS: u32 = 5;

/// A Lease that this control plane has.
#[derive(Clone)]
pub(crate) struct Holding {
    claim: Claim,
    fence: Generation,
    /// As it was written last.
    object: Lease,
    cluster: bascule_model::release::Cluster,
}

/// What becomes of one that is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Keep,
    Remove,
}

/// Refuses what an engine with another journal is at work on, before it is found that what stands there is not ours either.
pub(crate) async fn look(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
) -> Result<(), KubernetesError> {
    let Some(there) = find(cluster, key).await? else { return Ok(()) };
    let now = clusters.clock.now();
    match lease::judge(&there, &clusters.owner(key), Generation(u64::MAX), now) {
        Standing::Held { holder, renewed } => Err(held(key, holder, renewed, now)),
        _ => Ok(()),
    }
}

/// The one of a release's environment.
pub(crate) async fn there(clusters: &Clusters, release: &Release) -> Result<Option<Lease>, KubernetesError> {
    find(clusters.reach(cluster_of(release)?).await?.as_ref(), &release.key).await
}

/// The one of an environment, if Bascule made it.
pub(crate) async fn find(cluster: &Cluster, key: &EnvironmentKey) -> Result<Option<Lease>, KubernetesError> {
    let name = names::lease(key);
    let there: Option<Lease> = cluster.get(&format!("look at the Lease {name}"), &name).await?;
    Ok(there.filter(|there| lease::is_of(there, key)))
}

fn held(key: &EnvironmentKey, holder: String, renewed: Timestamp, now: Timestamp) -> KubernetesError {
    let age = u64::try_from(now.duration_since(renewed).as_secs()).unwrap_or_default();
    KubernetesError::LeaseHeld { key: key.clone(), holder, age }
}

/// Takes it. Refused while an engine with another journal has it, and by a later engine with ours.
pub(crate) async fn take(
    clusters: &Clusters,
    fence: Generation,
    claim: &Claim,
    release: &Release,
) -> Result<(), KubernetesError> {
    let settings = cluster_of(release)?;
    let cluster = clusters.reach(settings).await?;
    let object = written(clusters, &cluster, fence, claim).await?;
    let holding = Holding { claim: claim.clone(), fence, object, cluster: settings.clone() };
    lock(&clusters.held).insert(claim.key.clone(), holding);
    Ok(())
}

async fn written(
    clusters: &Clusters,
    cluster: &Cluster,
    fence: Generation,
    claim: &Claim,
) -> Result<Lease, KubernetesError> {
    let name = names::lease(&claim.key);
    let doing = format!("take the Lease {name}");
    // A way back has users waiting for it: what we gave back ourselves need not be looked at. Somebody who wrote since is found out.
    let mut known = lock(&clusters.given_back).remove(&claim.key);
    for _ in 0..ATTEMPTS {
        let there = match known.take() {
            Some(known) => Some(known),
            None => cluster.get::<Lease>(&format!("look at the Lease {name}"), &name).await?,
        };
        let now = clusters.clock.now();
        if let Some(there) = &there {
            let is_ours = lease::is_of(there, &claim.key);
            match lease::judge(there, &clusters.owner(&claim.key), fence, now) {
                _ if !is_ours => return Err(foreign(&name)),
                Standing::Foreign => return Err(foreign(&name)),
                Standing::Fenced => return Err(KubernetesError::Fenced),
                Standing::Held { holder, renewed } => {
                    return Err(held(&claim.key, holder, renewed, now));
                }
                Standing::Free => {}
            }
        }
        let wanted = lease::taken(claim, &clusters.owner(&claim.key), fence, now, there.as_ref());
        let (api, params) = (cluster.api::<Lease>(), ours());
        let answer = match there {
            None => cluster.call(&doing, || api.create(&params, &wanted)).await,
            Some(_) => cluster.call(&doing, || api.replace(&name, &params, &wanted)).await,
        };
        match answer {
            // Somebody was quicker, or the answer to our own write was lost: what is there says which.
            Err(error) if matches!(error.status(), Some(404 | 409)) => {}
            answer => return answer,
        }
    }
    Err(KubernetesError::Away { doing, words: "others write to it all the time".to_owned() })
}

fn foreign(name: &str) -> KubernetesError {
    KubernetesError::NameTaken {
        what: "Lease".into(),
        name: name.to_owned(),
        whose: "Bascule did not make it for this environment".to_owned(),
    }
}

/// Says that we are still there. Who has lost it is told so; without one there is nothing to do.
pub(crate) async fn renew(
    clusters: &Clusters,
    fence: Generation,
    key: &EnvironmentKey,
) -> Result<(), KubernetesError> {
    let Some(holding) = holding(clusters, fence, key) else { return Ok(()) };
    let cluster = clusters.reach(&holding.cluster).await?;
    let name = holding.object.name_any();
    let wanted = lease::renewed(&holding.object, clusters.clock.now());
    let (api, params) = (cluster.api::<Lease>(), ours());
    let answer =
        cluster.call(&format!("renew the Lease {name}"), || api.replace(&name, &params, &wanted)).await;
    let object = match answer {
        // Removed, written to by somebody, or our own write of which the answer was lost.
        Err(error) if matches!(error.status(), Some(404 | 409)) => {
            written(clusters, &cluster, fence, &holding.claim).await?
        }
        answer => answer?,
    };
    // Given back meanwhile, it is nobody's.
    if let Some(kept) = lock(&clusters.held).get_mut(key).filter(|kept| kept.fence == fence) {
        kept.object = object;
    }
    Ok(())
}

/// Gives it back; one that somebody else has by now is left.
pub(crate) async fn give_back(
    clusters: &Clusters,
    fence: Generation,
    key: &EnvironmentKey,
) -> Result<(), KubernetesError> {
    let Some(holding) = holding(clusters, fence, key) else { return Ok(()) };
    lock(&clusters.held).remove(key);
    let cluster = clusters.reach(&holding.cluster).await?;
    let name = holding.object.name_any();
    // It goes with the environment's last Service.
    let end = if record::read(&clusters.layout, key)?.is_none() { End::Remove } else { End::Keep };
    let mut there = holding.object.clone();
    for _ in 0..ATTEMPTS {
        match let_go(&cluster, &there, end).await {
            Ok(Some(left)) => {
                lock(&clusters.given_back).insert(key.clone(), left);
                return Ok(());
            }
            Ok(None) => return Ok(()),
            Err(error) if error.status() == Some(404) => return Ok(()),
            // Written to since; by ourselves, where the answer was lost.
            Err(error) if error.status() == Some(409) => {}
            Err(error) => return Err(error),
        }
        let found: Option<Lease> = cluster.get(&format!("look at the Lease {name}"), &name).await?;
        match found.filter(|found| lease::is_held_as(found, &holding.object)) {
            Some(found) => there = found,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Removes it, or says that nobody has it, and gives what is then there; not when somebody wrote to it since it was `there`.
async fn let_go(cluster: &Cluster, there: &Lease, end: End) -> Result<Option<Lease>, KubernetesError> {
    let (name, api) = (there.name_any(), cluster.api::<Lease>());
    if end == End::Remove {
        let unchanged = Preconditions { uid: there.uid(), resource_version: there.resource_version() };
        let params = DeleteParams { preconditions: Some(unchanged), ..DeleteParams::default() };
        return cluster
            .call(&format!("remove the Lease {name}"), || api.delete(&name, &params))
            .await
            .map(|_| None);
    }
    let (wanted, params) = (lease::given_back(there), ours());
    let doing = format!("give the Lease {name} back");
    cluster.call(&doing, || api.replace(&name, &params, &wanted)).await.map(Some)
}

fn holding(clusters: &Clusters, fence: Generation, key: &EnvironmentKey) -> Option<Holding> {
    lock(&clusters.held).get(key).filter(|holding| holding.fence == fence).cloned()
}
