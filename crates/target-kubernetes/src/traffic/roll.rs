//! One release comes pod by pod as another one goes. While that lasts the Services select both; where it is, and how large both were when
//! it began, is in the annotation of the one that leads. So each turn finds all of it in the cluster, and whoever goes on goes on there.
//!
//! Turns are decided on what the cluster has told, and made on what it answers when it is asked: nobody goes because of old news. Each
//! write fails where somebody wrote since.

mod look;
mod services;
mod sizes;

use std::sync::Arc;

use bascule_engine::ports::{Bound, PortError, Rolled, RolledService};
use bascule_model::ids::{Generation, ReleaseId, Slot};
use bascule_model::release::Release;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use kube::api::Patch;
use serde_json::json;

use self::look::{Pair, Source};
use self::services::{Begun, gone};
use self::sizes::{Bounds, is_over, next};
use super::selects::Selects;
use super::state;
use super::switch::follow;
use crate::cluster::{Cluster, by_us};
use crate::error::KubernetesError;
use crate::objects::service::{Roll, TrafficState};
use crate::record;
use crate::shared::Clusters;

/// One turn of a roll.
pub(super) struct Turn<'a> {
    pub(super) clusters: &'a Clusters,
    pub(super) fence: Generation,
    /// Who goes.
    pub(super) from: &'a Release,
    /// Who comes.
    pub(super) to: &'a Release,
    /// Where that stands.
    pub(super) slot: Slot,
    pub(super) bound: Bound,
}

impl Turn<'_> {
    pub(super) async fn take(&self) -> Result<Rolled, PortError> {
        let key = &self.to.key;
        let record = record::read(&self.clusters.layout, key).map_err(KubernetesError::from)?;
        let Some(record) = record else { return Err(gone(None, key).into()) };
        let cluster = self.clusters.reach(&record.cluster).await?;
        let roll = match self.begin(&cluster, &record).await? {
            Begun::Over => return Ok(Rolled { is_over: true, services: Vec::new() }),
            Begun::On(roll) => roll,
        };
        if roll.is_open {
            follow(&cluster, key, &record, Selects::Both).await?;
        }
        let told = self.look(&cluster, &roll, Source::Told).await?;
        if !self.is_due(&told, &roll) {
            return Ok(self.after(&told, false));
        }
        let asked = self.look(&cluster, &roll, Source::Asked).await?;
        for pair in &asked {
            self.write(&cluster, pair).await?;
        }
        if roll.is_open && asked.iter().all(|pair| self.may_close(pair)) {
            self.close(&cluster, &record).await?;
        }
        let is_closed = !roll.is_open || asked.iter().all(|pair| self.may_close(pair));
        let is_over = is_closed && asked.iter().all(|pair| self.is_whole(pair));
        Ok(self.after(&asked, is_over))
    }

    /// The services of whoever comes, as they are. A service that only goes is left to whoever retires it.
    async fn look(
        &self,
        cluster: &Arc<Cluster>,
        roll: &Roll,
        source: Source,
    ) -> Result<Vec<Pair>, KubernetesError> {
        let mut all = Vec::new();
        for service in &self.to.services {
            let said = roll.sizes.get(&service.name).copied();
            let (live, new) = said.unwrap_or((service.instances, service.instances));
            let bounds = match self.bound {
                Bound::Forth => Bounds::forth(live, new, roll.rolling),
                Bound::Back => Bounds::back(live, new, roll.rolling),
            };
            all.push(
                look::look(self.clusters, cluster, (self.to, self.from), service, bounds, source).await?,
            );
        }
        Ok(all)
    }

    /// Whether something is to be written.
    fn is_due(&self, seen: &[Pair], roll: &Roll) -> bool {
        let moves = |pair: &Pair| {
            let next = next(pair.bounds, pair.coming, pair.going);
            next.coming != pair.coming.wanted || next.going != pair.going.wanted
        };
        let closes = roll.is_open && seen.iter().all(|pair| self.may_close(pair));
        closes || seen.iter().any(moves) || seen.iter().all(|pair| self.is_whole(pair))
    }

    /// Whether whoever comes can have users alone: forth when nobody else is left, back as soon as enough are there.
    fn may_close(&self, pair: &Pair) -> bool {
        match self.bound {
            Bound::Forth => is_over(pair.bounds, pair.coming, pair.going),
            Bound::Back => pair.coming.ready >= pair.bounds.least,
        }
    }

    /// Whether whoever comes is all there.
    fn is_whole(&self, pair: &Pair) -> bool {
        match self.bound {
            Bound::Forth => is_over(pair.bounds, pair.coming, pair.going),
            // What is left of the new one is taken away as a whole.
            Bound::Back => pair.coming.wanted >= pair.bounds.to && pair.coming.ready >= pair.bounds.least,
        }
    }

    async fn write(&self, cluster: &Arc<Cluster>, pair: &Pair) -> Result<(), KubernetesError> {
        let next = next(pair.bounds, pair.coming, pair.going);
        if let Some(going) = pair.going_deployment.as_ref().filter(|_| next.going < pair.going.wanted) {
            scale(cluster, going, next.going).await?;
        }
        match pair.coming_deployment.as_ref() {
            Some(coming) if next.coming > pair.coming.wanted => scale(cluster, coming, next.coming).await,
            None if pair.bounds.to > 0 => Err(KubernetesError::Refused {
                doing: format!("have the pods of {} come", self.to.id),
                status: 404,
                words: format!("its Deployment for {} is not there", pair.service),
            }),
            _ => Ok(()),
        }
    }

    fn after(&self, seen: &[Pair], is_over: bool) -> Rolled {
        let of = |pair: &Pair| RolledService {
            service: pair.service.clone(),
            come: pair.coming.ready,
            of: pair.bounds.to,
            left: pair.going.wanted.max(pair.going.there),
        };
        Rolled { is_over, services: seen.iter().map(of).collect() }
    }
}

/// Sets a Deployment's size if nobody has changed what it is to be since it was read. Who did is seen by the next turn.
async fn scale(cluster: &Cluster, deployment: &Deployment, replicas: u32) -> Result<(), KubernetesError> {
    let name = deployment.name_any();
    let doing = format!("scale the Deployment {name} to {replicas}");
    let patch = json!([
        { "op": "test", "path": "/metadata/uid", "value": deployment.uid() },
        { "op": "test", "path": "/metadata/generation", "value": deployment.metadata.generation },
        { "op": "replace", "path": "/spec/replicas", "value": replicas },
    ]);
    let patch: Patch<Deployment> = Patch::Json(state::json_patch(&doing, &patch)?);
    let (api, params) = (cluster.api::<Deployment>(), by_us());
    match cluster.call(&doing, || api.patch(&name, &params, &patch)).await {
        Err(error) if matches!(error.status(), Some(404 | 409 | 422)) => Ok(()),
        answer => answer.map(|_| ()),
    }
}

/// Whether pods of a release that stands are gone because another one came in their place.
pub(crate) fn has_gone(state: &TrafficState, release: &ReleaseId) -> bool {
    state.live.as_ref() != Some(release)
        && state.roll.as_ref().is_some_and(|roll| !roll.is_open && roll.from == *release)
}
