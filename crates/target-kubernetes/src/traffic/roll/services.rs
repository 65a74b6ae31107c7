//! The Services in a roll: opened for both releases in one write with the note of it, and closed to whoever came.

use std::collections::BTreeMap;
use std::sync::Arc;

use bascule_engine::ports::{Bound, PortError};
use bascule_model::ids::{EnvironmentKey, ServiceName};
use bascule_model::release::{Release, Rolling};
use kube::ResourceExt as _;
use serde_json::json;

use super::super::selects::Selects;
use super::super::state::{self, ATTEMPTS, SELECTOR};
use super::super::switch::{follow, unexpected};
use super::Turn;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::service::{Roll, Standing, TrafficState};
use crate::record::TrafficRecord;

/// What there is to do.
pub(super) enum Begun {
    /// Nothing, and maybe nothing ever was.
    Over,
    /// Both are selected, or one of them while the former's pods are coming back.
    On(Roll),
}

impl Turn<'_> {
    /// Opens the Services for both, if they are not.
    pub(super) async fn begin(
        &self,
        cluster: &Arc<Cluster>,
        record: &TrafficRecord,
    ) -> Result<Begun, PortError> {
        let key = &self.to.key;
        // The names of the roll, whichever way it goes now.
        let (former, new) = match self.bound {
            Bound::Forth => (self.from, self.to),
            Bound::Back => (self.to, self.from),
        };
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let Some(lead) = state::lead(self.clusters, cluster, key).await? else {
                return Err(gone(Some(record), key).into());
            };
            if lead.seen.state.generation > self.fence {
                return Err(PortError::Fenced);
            }
            let ours =
                lead.seen.state.roll.as_ref().filter(|roll| roll.from == former.id && roll.to == new.id);
            let is_both = Selects::Both.is_so(&lead.object, key, &lead.service);
            if lead.seen.state.open_roll().is_some() && !is_both {
                return Err(state::changed(&lead.object, "it does not select both releases any more").into());
            }
            match (self.bound, ours) {
                (_, Some(roll)) if roll.is_open => return Ok(Begun::On(roll.clone())),
                (Bound::Forth, _) if lead.seen.selected.as_ref() == Some(&new.id) && !is_both => {
                    return Ok(Begun::Over);
                }
                // The traffic is back already, and its pods may still be coming.
                (Bound::Back, Some(roll)) if lead.seen.selected.as_ref() == Some(&former.id) => {
                    return Ok(Begun::On(roll.clone()));
                }
                (Bound::Back, None) if lead.seen.selected.as_ref() == Some(&former.id) && !is_both => {
                    return Ok(Begun::Over);
                }
                _ => {}
            }
            if lead.seen.selected.as_ref() != Some(&self.from.id) {
                return Err(unexpected(&lead, Some(&self.from.id)).into());
            }
            let roll = match ours.filter(|_| self.bound == Bound::Back) {
                Some(roll) => Roll { is_open: true, ..roll.clone() },
                None => self.new_roll(cluster, former, new).await?,
            };
            let mut after =
                TrafficState { generation: self.fence, roll: Some(roll.clone()), ..lead.seen.state.clone() };
            after.slots.insert(self.slot, Standing { release: self.to.id.clone(), left: None });
            let selector = json!(Selects::Both.selector(key, &lead.service));
            match state::write(cluster, &lead.object.name_any(), &state::moving(&lead, &selector, &after))
                .await
            {
                // Somebody was quicker, or the answer to our own write was lost: look again.
                Err(error) if error.status() == Some(422) => last = Some(error),
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(Begun::On(roll)),
            }
        }
        Err(state::untaken(format!("have {} come", self.to.id), last).into())
    }

    async fn new_roll(
        &self,
        cluster: &Arc<Cluster>,
        former: &Release,
        new: &Release,
    ) -> Result<Roll, KubernetesError> {
        let rolling = new.rollout.rolling.or(former.rollout.rolling);
        let rolling = rolling.unwrap_or(Rolling { max_unavailable: 0, max_surge: 1 });
        let sizes: BTreeMap<ServiceName, (u32, u32)> = match self.bound {
            Bound::Forth => {
                let sizes = crate::target::sizes::sizes(self.clusters, cluster, new).await?;
                sizes.into_iter().map(|(name, size)| (name, (size.live, size.whole))).collect()
            }
            // Nothing is noted of how large it was: as its manifest says.
            Bound::Back => {
                let of = |release: &Release, name: &ServiceName| {
                    release.service(name).map_or(0, |service| service.instances)
                };
                let names = former.services.iter().map(|service| &service.name);
                names.map(|name| (name.clone(), (of(former, name), of(new, name)))).collect()
            }
        };
        Ok(Roll { from: former.id.clone(), to: new.id.clone(), is_open: true, rolling, sizes })
    }

    /// Has users reach whoever came alone: the others follow before the one that leads, which decides.
    pub(super) async fn close(
        &self,
        cluster: &Arc<Cluster>,
        record: &TrafficRecord,
    ) -> Result<(), PortError> {
        let key = &self.to.key;
        let alone = Selects::One(&self.to.id);
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let Some(lead) = state::lead(self.clusters, cluster, key).await? else {
                return Err(gone(Some(record), key).into());
            };
            if lead.seen.state.generation > self.fence {
                return Err(PortError::Fenced);
            }
            if alone.is_so(&lead.object, key, &lead.service) {
                return Ok(());
            }
            if lead.seen.state.open_roll().is_none() || !Selects::Both.is_so(&lead.object, key, &lead.service)
            {
                return Err(unexpected(&lead, Some(&self.from.id)).into());
            }
            follow(cluster, key, record, alone).await?;
            let mut after = TrafficState { generation: self.fence, ..lead.seen.state.clone() };
            after.live = Some(self.to.id.clone());
            // Pods of both wait by themselves before they end: nobody has to wait for them once more.
            after.slots.insert(self.slot, Standing { release: self.to.id.clone(), left: None });
            if let Some(roll) = &mut after.roll {
                roll.is_open = false;
            }
            let selector = json!(alone.selector(key, &lead.service));
            match state::write(cluster, &lead.object.name_any(), &state::moving(&lead, &selector, &after))
                .await
            {
                Err(error) if error.status() == Some(422) => last = Some(error),
                answer => return Ok(answer?),
            }
        }
        Err(state::untaken(format!("have {} come", self.to.id), last).into())
    }
}

pub(super) fn gone(record: Option<&TrafficRecord>, key: &EnvironmentKey) -> KubernetesError {
    let lead = record.and_then(|record| record.services.first());
    let service = lead.map_or_else(|| key.app.to_string(), |name| names::service(&key.app, name));
    KubernetesError::TrafficTaken {
        object: format!("Service {service}"),
        field: SELECTOR,
        manager: None,
        what: "it is not there".to_owned(),
    }
}
