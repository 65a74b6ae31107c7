//! What follows from objects: controllers and kubelet, run until nothing changes.

mod conditions;
mod deployment;
mod deployment_status;
mod endpoint_slices;
mod endpoints;
mod events;
mod garbage;
mod job;
mod kubelet;
mod quota;
mod replica_set;

use std::collections::HashMap;

use serde_json::Value;
use tokio::time::Instant;

use crate::core::{Controllers, Core};
use crate::managers::Actor;
use crate::script::Readiness;

/// What controllers remember beside the objects.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pods: HashMap<String, kubelet::Run>,
    progress: HashMap<String, deployment_status::Progress>,
    /// When slices of a Service are to be brought up to date.
    slices: HashMap<String, Instant>,
    /// When a Job began; when it is over, when it ended.
    jobs: HashMap<String, Instant>,
    last_address: u32,
    /// Pods with these labels, made ready or not by a test; the last that matches holds.
    pub readiness: Vec<(Value, Readiness)>,
}

impl Memory {
    pub(crate) fn forget_slices(&mut self) {
        self.slices.clear();
    }

    pub(crate) fn next_address(&mut self) -> u32 {
        self.last_address += 1;
        self.last_address
    }
}

/// The next time at which something falls due.
#[derive(Debug, Default)]
pub(crate) struct Due(Option<Instant>);

impl Due {
    fn at(&mut self, when: Instant) {
        self.0 = Some(self.0.map_or(when, |one| one.min(when)));
    }
}

/// Runs all controllers until nothing changes; answers when there is something to do again.
///
/// # Panics
/// When they do not come to rest, which is a defect of theirs.
pub(crate) fn run(core: &mut Core) -> Option<Instant> {
    if core.controllers == Controllers::Held {
        return None;
    }
    for _ in 0..1000 {
        let before = core.store.version();
        let mut due = Due::default();
        garbage::pass(core);
        deployment::pass(core, &mut due);
        replica_set::pass(core, &mut due);
        job::pass(core, &mut due);
        kubelet::pass(core, &mut due);
        endpoint_slices::pass(core, &mut due);
        endpoints::pass(core);
        quota::pass(core);
        if core.store.version() == before {
            return due.0;
        }
    }
    panic!("the controllers of the fake cluster do not come to rest");
}

fn manager(subresource: &'static str) -> Actor {
    Actor::update("kube-controller-manager", subresource)
}
