//! Which instance is asked: the one with the fewest requests among those that are well; among equals, in turn.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::release::Instance;

/// Above this number two are picked by chance and the better one is taken: looking at all would cost more than it brings.
const LOOK_AT_ALL: usize = 16;

/// A request on an instance; counted out when dropped.
#[derive(Debug)]
pub(crate) struct Load(Arc<Instance>);

impl Load {
    fn new(instance: &Arc<Instance>) -> Self {
        instance.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(instance))
    }

    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.0
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Picks an instance that is not among `tried` (serial numbers). One that is left out or unhealthy is picked only when no
/// other is left: being told that nobody answers is no better than trying. `spread` is any number that differs each time.
pub(crate) fn choose(instances: &[Arc<Instance>], tried: &[u64], spread: u64) -> Option<Load> {
    if let [only] = instances {
        return (!tried.contains(&only.serial)).then(|| Load::new(only));
    }
    if instances.len() > LOOK_AT_ALL && tried.is_empty() {
        let place = |part: u64| instances.get(usize::try_from(part).unwrap_or(0) % instances.len());
        let picked = [place(spread >> 32), place(spread & 0xffff_ffff)];
        let usable = picked.into_iter().flatten().filter(|instance| instance.is_usable());
        if let Some(instance) = usable.min_by_key(|instance| instance.in_flight.load(Ordering::Relaxed)) {
            return Some(Load::new(instance));
        }
    }
    let begin = usize::try_from(spread % instances.len().max(1) as u64).unwrap_or(0);
    let (before, after) = instances.split_at_checked(begin)?;
    let candidates = || after.iter().chain(before).filter(|instance| !tried.contains(&instance.serial));
    let least = |usable: bool| {
        candidates()
            .filter(|instance| !usable || instance.is_usable())
            .min_by_key(|instance| instance.in_flight.load(Ordering::Relaxed))
    };
    least(true).or_else(|| least(false)).map(Load::new)
}

#[cfg(test)]
mod tests {
    use bascule_model::ids::{InstanceId, ReleaseId, Slot};

    use super::*;
    use crate::release::Release;
    use crate::route::{Health, InstanceRoute, ServiceRoute, SlotRoute};

    fn instances(count: u32) -> Vec<Arc<Instance>> {
        let instances = (0..count).map(|n| InstanceRoute {
            id: InstanceId::from_text(format!("i{n}")),
            address: "127.0.0.1:1".parse().unwrap(),
        });
        let route = SlotRoute {
            key: "shop/staging".parse().unwrap(),
            slot: Slot::Blue,
            release: ReleaseId::from_text("r1"),
            listen: "127.0.0.1:80".parse().unwrap(),
            hosts: Vec::new(),
            services: vec![ServiceRoute {
                hosts: Vec::new(),
                service: "web".parse().unwrap(),
                path: "/".to_owned(),
                health_path: None,
                instances: instances.collect(),
            }],
        };
        Release::new(&route, 1).services[0].instances.load().to_vec()
    }

    #[test]
    fn load_is_spread_evenly_whether_few_or_many() {
        for count in [1, 2, 3, 16, 40] {
            let instances = instances(count);
            let mut loads = Vec::new();
            let ids = crate::worker::request_id::RequestIds::new(0);
            for _ in 0..count * 10 {
                loads.push(choose(&instances, &[], ids.spread()).unwrap());
            }
            let most =
                instances.iter().map(|instance| instance.in_flight.load(Ordering::Relaxed)).max().unwrap();
            assert!(most <= if count > 16 { 16 } else { 10 }, "{count}: {most}");
            drop(loads);
            assert!(instances.iter().all(|instance| instance.in_flight.load(Ordering::Relaxed) == 0));
        }
    }

    #[test]
    fn one_that_is_not_well_is_asked_only_when_no_other_is_left() {
        let instances = instances(3);
        assert!(instances[0].leave_out());
        instances[1].set_active_health(Health::Unhealthy);
        for spread in 0..9 {
            assert_eq!(choose(&instances, &[], spread).unwrap().instance().serial, instances[2].serial);
        }
        let tried = [instances[2].serial];
        assert_ne!(choose(&instances, &tried, 0).unwrap().instance().serial, instances[2].serial);
        let all: Vec<_> = instances.iter().map(|instance| instance.serial).collect();
        assert!(choose(&instances, &all, 0).is_none());
        assert!(choose(&[], &[], 5).is_none());
    }
}
