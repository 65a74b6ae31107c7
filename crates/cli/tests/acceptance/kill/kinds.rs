//! The kinds of run that are killed, how each is begun, and what has to stand before it.

use std::cell::RefCell;

use bascule_engine::steps::{SlotNeeded, Warmth};
use bascule_model::plan::RunKind;

use crate::support::agreement::{Standings, settled};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::command::Running;
use crate::support::points::{self, Shape, Tasks};
use crate::support::world::World;

/// A kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A deploy, while a former release stands by.
    Deploy,
    /// A rollback to what stands by.
    Warm,
    /// A rollback to what has to be started, while another one stands by.
    Cold,
}

impl Kind {
    fn shape(self) -> Shape {
        let taken = |kind| Shape { slot: SlotNeeded::Taken, ..Shape::of(kind, Warmth::Cold) };
        match self {
            Self::Deploy => Shape { tasks: Tasks::Both, ..taken(RunKind::Deploy) },
            Self::Warm => Shape::of(RunKind::Rollback, Warmth::Warm),
            Self::Cold => taken(RunKind::Rollback),
        }
    }

    /// The points of its steps.
    pub fn apply_points(self) -> Vec<String> {
        self.shape().apply_points()
    }

    /// The points of its undo.
    pub fn undo_points(self) -> Vec<String> {
        self.shape().undo_points()
    }

    /// Where it fails so that all of it is undone.
    pub fn last_point(self) -> String {
        self.shape().last_point()
    }
}

/// A world in which runs of one kind can be begun again and again.
pub struct Stage<'a> {
    /// The world.
    pub world: &'a World<'a>,
    /// Its app.
    pub app: App,
    kind: Kind,
    settled: RefCell<Vec<String>>,
}

impl<'a> Stage<'a> {
    /// Three releases that settled; the last is live, the one before stands by.
    pub fn new(world: &'a World<'a>, kind: Kind) -> Self {
        let mut app = world.shop("shop");
        app.instances = 2;
        app.more = points::TASKS.to_owned();
        // Killed again and again: three ends within this time would be a crash loop, which is tried again after 30 s only.
        app.health.insert("start_period", r#""100ms""#.to_owned());
        let mut settled = Vec::new();
        for version in ["1", "2", "3"] {
            app.version(version);
            settled.push(world.deploy(&app).expect_live().field("release"));
        }
        Self { world, app, kind, settled: RefCell::new(settled) }
    }

    /// Brings everything to where the kind of run can begin, and says how it stands.
    pub fn set(&self) -> Standings {
        let standings = settled(self.world, &self.app);
        if standings.standby.is_some() {
            return standings;
        }
        let ran = match self.kind {
            Kind::Deploy | Kind::Warm => self.world.run(&self.app, &["deploy", ENVIRONMENT]),
            Kind::Cold => self.world.rollback_to(&self.app, &self.other(&standings)),
        };
        ran.expect_live();
        settled(self.world, &self.app)
    }

    /// Begins a run of the kind.
    pub fn begin(&self, standings: &Standings) -> Running {
        let to = match self.kind {
            Kind::Deploy => return self.world.start(&self.app, &["deploy", ENVIRONMENT]),
            Kind::Warm => standings.standby().to_owned(),
            Kind::Cold => self.other(standings),
        };
        self.world.start(&self.app, &["rollback", ENVIRONMENT, "--to", &to])
    }

    fn other(&self, standings: &Standings) -> String {
        let stands = |release: &&String| {
            standings.live.as_ref() == Some(release) || standings.standby.as_ref() == Some(release)
        };
        self.settled.borrow().iter().rev().find(|release| !stands(release)).unwrap().clone()
    }
}
