//! All that the cluster is, behind one lock: objects, time, scripts, faults.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::clock::Clock;
use crate::controllers::{self, Memory};
use crate::faults::Faults;
use crate::kinds::{Flavour, Resource, by_kind, stored};
use crate::object;
use crate::script::PodScript;
use crate::store::{Key, Store};
use crate::{Call, Slices};

#[derive(Debug)]
pub(crate) struct Core {
    pub flavour: Flavour,
    /// The namespace of names that say none.
    pub home: String,
    pub store: Store,
    pub clock: Clock,
    pub chance: Chance,
    pub scripts: HashMap<String, PodScript>,
    pub faults: Faults,
    pub calls: Vec<Call>,
    /// Verb and resource (`pods/log`); `*` is any.
    pub denied: Vec<(String, String)>,
    pub slices: Slices,
    pub endpoints_per_slice: usize,
    pub controllers: Controllers,
    pub memory: Memory,
    /// Grows when all watches are to end.
    pub watch_epoch: u64,
    /// So long after a change a watch tells of it.
    pub watch_lag: Duration,
    /// When the controllers have something to do next.
    pub due: Option<Instant>,
    /// The version at which they had nothing to do; none when they have to look in any case.
    settled: Option<u64>,
}

/// Whether the controllers work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controllers {
    Working,
    Held,
}

impl Core {
    pub(crate) fn new(flavour: Flavour, home: &str, epoch: Timestamp) -> Self {
        Self {
            flavour,
            home: home.to_owned(),
            store: Store::new(),
            clock: Clock::new(epoch),
            chance: Chance::new(),
            scripts: HashMap::new(),
            faults: Faults::default(),
            calls: Vec::new(),
            denied: Vec::new(),
            slices: Slices::Prompt,
            endpoints_per_slice: 100,
            controllers: Controllers::Working,
            memory: Memory::default(),
            watch_epoch: 0,
            watch_lag: Duration::ZERO,
            due: None,
            settled: None,
        }
    }

    /// Under which name the script of a program of an image is kept.
    pub(crate) fn program_of(image: &str, program: &str) -> String {
        format!("{image} {program}")
    }

    /// What a container does: as the script of the program says that it runs, else that of its image.
    pub(crate) fn script(&self, container: &Value) -> PodScript {
        let image = object::text(container, "/image");
        let of_program = self.scripts.get(&Self::program_of(image, object::text(container, "/command/0")));
        of_program.or_else(|| self.scripts.get(image)).cloned().unwrap_or_default()
    }

    /// Does all that fell due until now, each at its time, and what a change asks for.
    pub(crate) fn settle(&mut self) {
        let now = Instant::now();
        while let Some(due) = self.due.filter(|due| *due <= now) {
            self.clock.set(due);
            self.run_controllers();
        }
        self.clock.set(now);
        if self.settled != Some(self.store.version()) {
            self.run_controllers();
        }
    }

    /// Has the controllers look again, where something else than an object changed.
    pub(crate) fn unsettle(&mut self) {
        self.settled = None;
        self.settle();
    }

    fn run_controllers(&mut self) {
        self.due = controllers::run(self);
        self.settled = Some(self.store.version());
    }

    /// The stored kind of a plural that the code names.
    pub(crate) fn resource(&self, plural: &str) -> &'static Resource {
        stored(self.flavour, plural).expect("the code names what is served")
    }

    /// Where an object is that a test names: `name` in the home namespace, or `namespace/name`.
    ///
    /// # Panics
    /// When there is no such kind.
    pub(crate) fn key_of(&self, kind: &str, name: &str) -> Key {
        let resource =
            by_kind(self.flavour, kind).unwrap_or_else(|| panic!("{kind} is no kind of this cluster"));
        let (namespace, name) = name.split_once('/').unwrap_or((&self.home, name));
        match resource.scope {
            crate::kinds::Scope::Cluster => Key::new(resource.plural, "", name),
            crate::kinds::Scope::Namespace => Key::new(resource.plural, namespace, name),
        }
    }

    pub(crate) fn is_denied(&self, verb: &str, resource: &str) -> bool {
        let is = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        self.denied.iter().any(|(denied, of)| is(denied, verb) && is(of, resource))
    }
}

impl Core {
    /// Gives a pod the next address of 10.244.0.0/16.
    pub(crate) fn memory_address(&mut self, status: &mut Value) {
        let number = self.memory.next_address();
        let address = format!("10.244.{}.{}", number >> 8 & 0xff, number & 0xff);
        status["podIP"] = serde_json::json!(address);
        status["podIPs"] = serde_json::json!([{"ip": address}]);
    }
}
