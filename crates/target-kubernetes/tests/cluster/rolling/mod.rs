//! One release comes pod by pod as another one goes: whole runs of the engine, while somebody counts all the time who is there.

mod bad;
mod good;
mod kills;
mod others;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bascule_fake_cluster::{FakeCluster, PodScript};
use bascule_model::release::Rolling;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::driven::Driven;
use crate::support::image;

/// So many pods the shop has here.
const SIZE: u32 = 3;

fn world(max_unavailable: u32, max_surge: u32) -> Driven {
    of(Driven::new(), max_unavailable, max_surge)
}

fn of(mut world: Driven, max_unavailable: u32, max_surge: u32) -> Driven {
    world.wish.release.rollout.rolling = Some(Rolling { max_unavailable, max_surge });
    world.wish.release.services[0].instances = SIZE;
    for number in 1..=9 {
        world.cluster.image(&image(number), PodScript::ready_after(Duration::from_secs(2)));
    }
    world
}

/// The fewest pods that users could reach, and the most that there were, while somebody looked.
struct Count {
    seen: Arc<Mutex<(usize, usize)>>,
    task: JoinHandle<()>,
}

impl Count {
    fn begin(cluster: &FakeCluster) -> Self {
        let seen = Arc::new(Mutex::new((usize::MAX, 0)));
        let (cluster, kept) = (cluster.clone(), seen.clone());
        let task = tokio::spawn(async move {
            loop {
                let (reached, there) = (reached(&cluster), cluster.list("Pod").len());
                {
                    let mut kept = kept.lock().unwrap();
                    *kept = (kept.0.min(reached), kept.1.max(there));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { seen, task }
    }

    /// Ends the count, and fails where it was ever outside of these.
    #[track_caller]
    fn within(self, least: u32, most: u32) {
        self.task.abort();
        let (fewest, there) = *self.seen.lock().unwrap();
        assert!(fewest >= least as usize, "{fewest} of {least} pods were behind the Service");
        assert!(there <= most as usize, "{there} pods were there, and {most} may be");
    }
}

/// Pods that are ready, are not going, and that the Service selects.
fn reached(cluster: &FakeCluster) -> usize {
    behind(cluster, "shop-web")
}

fn behind(cluster: &FakeCluster, service: &str) -> usize {
    let service = cluster.get("Service", service).unwrap();
    let selector = service["spec"]["selector"].as_object().unwrap().clone();
    let is_ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        pod["metadata"]["deletionTimestamp"].is_null()
            && conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    let is_selected =
        |pod: &Value| selector.iter().all(|(name, value)| pod["metadata"]["labels"][name] == *value);
    cluster.list("Pod").iter().filter(|pod| is_ready(pod) && is_selected(pod)).count()
}

/// Pods of a release that are not going.
fn size(world: &Driven, release: &str) -> i64 {
    let deployment = world.cluster.get("Deployment", &format!("shop-web-{release}"));
    deployment.map_or(0, |one| one["spec"]["replicas"].as_i64().unwrap())
}

/// Waits until a release other than this one has so many pods that are to be there.
async fn until_new_has(world: &Driven, former: &str, count: i64) -> String {
    loop {
        let new = world.standing().into_iter().find(|one| one != former);
        if let Some(new) = new.filter(|new| size(world, new) >= count) {
            return new;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
