//! The simulated world: one environment's traffic and instances, with fences, and what may happen at each call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use bascule_model::ids::{Generation, ReleaseId, Slot};
use tokio::sync::Notify;

use crate::chance::Chance;

/// Instances of each release.
pub const SIZE: u32 = 2;

/// Shared by every engine of a scenario.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>, Arc<Notify>);

pub struct State {
    pub chance: Chance,
    /// What stands in each slot: release and whether its instances are well.
    pub running: BTreeMap<Slot, (ReleaseId, bool)>,
    pub target_fence: Generation,
    pub live: Option<(Slot, ReleaseId)>,
    pub known: BTreeMap<Slot, ReleaseId>,
    pub edge_fence: Generation,
    /// Whether releases come instance by instance.
    pub rolls: bool,
    /// Whether releases have tasks.
    pub tasks: bool,
    /// Whether tasks that are run now end well.
    pub tasks_end_well: bool,
    /// How many instances stand in each slot.
    pub instances: BTreeMap<Slot, u32>,
    /// Who has users beside the live release, while one comes instance by instance.
    pub beside: Option<Slot>,
    /// One call in so many fails; 0: none.
    pub failing: u64,
    /// The engine dies at this call from now on, before or after its effect.
    pub crash_in: Option<(u64, Moment)>,
    /// The engine sleeps for longer than its lease at this call from now on.
    pub stall_in: Option<u64>,
    /// Whether releases that are started now become well.
    pub starts_well: bool,
    /// Whether the checks of the release that is started now pass.
    pub checks_pass: bool,
    /// Errors in a hundred requests of the release that is live.
    pub errors: u64,
    /// The database: versions that are applied, and those whose contract is.
    pub applied: BTreeSet<String>,
    pub contracted: BTreeSet<String>,
    /// Those that were taken back.
    pub reverted: BTreeSet<String>,
    /// Those whose rows are not filled in yet.
    pub unfilled: BTreeSet<String>,
    /// The newest version that somebody wrote.
    pub newest: u32,
    /// Whether the live release can live with the next expand.
    pub bears: bool,
    /// What each release that was ever started carries.
    pub carries: BTreeMap<ReleaseId, BTreeSet<String>>,
    /// What was seen that must never be.
    pub wrong: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Works,
    Fails,
    /// The engine is dead; its call has no effect.
    DiesBefore,
    /// The engine is dead; its call has its effect.
    DiesAfter,
    /// The engine stands still for a long time, then its call arrives.
    Sleeps,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let state = State {
            chance: Chance::new(seed),
            running: BTreeMap::new(),
            target_fence: Generation(0),
            live: None,
            known: BTreeMap::new(),
            edge_fence: Generation(0),
            rolls: false,
            tasks: false,
            tasks_end_well: true,
            instances: BTreeMap::new(),
            beside: None,
            failing: 0,
            crash_in: None,
            stall_in: None,
            starts_well: true,
            checks_pass: true,
            errors: 0,
            applied: BTreeSet::new(),
            contracted: BTreeSet::new(),
            reverted: BTreeSet::new(),
            unfilled: BTreeSet::new(),
            newest: 0,
            bears: true,
            carries: BTreeMap::new(),
            wrong: Vec::new(),
        };
        Self(Arc::new(Mutex::new(state)), Arc::new(Notify::new()))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with the world in hand")
    }

    /// Resolves when the engine of the moment died.
    pub async fn death(&self) {
        self.1.notified().await;
    }

    /// Decides a call's fate. A dead engine's call never comes back.
    pub async fn call<T>(&self, effect: impl FnOnce(&mut State) -> T, failed: impl FnOnce() -> T) -> T {
        let fate = self.state().fate();
        match fate {
            Fate::Works => {
                let result = effect(&mut self.state());
                self.state().check();
                result
            }
            Fate::Fails => failed(),
            Fate::Sleeps => {
                // The harness stops polling the engine during this: see `scenario`.
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                let result = effect(&mut self.state());
                self.state().check();
                result
            }
            Fate::DiesBefore | Fate::DiesAfter => {
                if fate == Fate::DiesAfter {
                    effect(&mut self.state());
                    self.state().check();
                }
                self.1.notify_one();
                std::future::pending().await
            }
        }
    }
}

impl State {
    /// Instances that users reach.
    fn with_users(&self) -> u32 {
        let live = self.live.as_ref().map(|(slot, _)| *slot);
        let slots = live.into_iter().chain(self.beside);
        slots.map(|slot| self.instances.get(&slot).copied().unwrap_or_default()).sum()
    }

    fn fate(&mut self) -> Fate {
        if let Some((left, moment)) = &mut self.crash_in {
            if *left == 0 {
                let moment = *moment;
                self.crash_in = None;
                return if moment == Moment::Before { Fate::DiesBefore } else { Fate::DiesAfter };
            }
            *left -= 1;
        }
        if let Some(left) = &mut self.stall_in {
            if *left == 0 {
                self.stall_in = None;
                return Fate::Sleeps;
            }
            *left -= 1;
        }
        if self.failing > 0 && self.chance.one_in(self.failing) { Fate::Fails } else { Fate::Works }
    }

    /// What holds after every effect: whoever has the traffic runs, and is known to the edge; the schema has what it needs, and
    /// nothing is gone that anybody who runs still needs.
    fn check(&mut self) {
        for (release, _) in self.running.values() {
            let Some(carried) = self.carries.get(release) else { continue };
            if let Some(gone) = self.contracted.iter().find(|version| !carried.contains(*version)) {
                self.wrong.push(format!("{release} runs, and what it needs was taken away by {gone}"));
            }
            if let Some(missing) = carried.iter().find(|version| !self.applied.contains(*version)) {
                self.wrong.push(format!("{release} runs without {missing} in the database"));
            }
        }
        let carried = self.live.as_ref().and_then(|(_, release)| self.carries.get(release));
        if let Some(empty) = carried.into_iter().flatten().find(|version| self.unfilled.contains(*version)) {
            self.wrong
                .push(format!("{:?} has the traffic, and the rows of {empty} are not filled in", self.live));
        }
        if self.live.is_some() && self.with_users() < SIZE {
            self.wrong.push(format!(
                "{:?} are there for users of {:?} and {:?}",
                self.instances, self.live, self.beside
            ));
        }
        if let Some(beside) = self.beside
            && !(self.running.contains_key(&beside) && self.known.contains_key(&beside))
        {
            self.wrong.push(format!("{beside} has users too, but {:?} runs", self.running));
        }
        if let Some((slot, release)) = &self.live {
            if self.running.get(slot).is_none_or(|(running, well)| running != release || !well) {
                self.wrong.push(format!("{release} has the traffic in {slot}, but {:?} runs", self.running));
            }
            if self.known.get(slot) != Some(release) {
                self.wrong.push(format!(
                    "{release} has the traffic in {slot}, but the edge knows {:?}",
                    self.known
                ));
            }
        }
    }
}
