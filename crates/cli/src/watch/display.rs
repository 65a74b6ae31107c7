//! What a followed run is shown on: JSON lines for a program, a moving display on a terminal, plain lines anywhere else.

use bascule_engine::progress::Update;
use bascule_model::plan::Plan;

use crate::screen::{Format, Screen};
use crate::watch::live::Live;
use crate::watch::plain::Plain;

/// One of the three.
pub enum Display {
    /// One JSON object a line, on standard output.
    Json(Screen),
    /// A spinner on the step that runs, a line for each that ended, on standard error.
    Live(Live),
    /// A line for what begins and ends, on standard error.
    Plain(Plain),
}

impl Display {
    /// The one that suits whoever watches.
    pub fn new(screen: Screen) -> Self {
        match screen.format {
            Format::Json => Self::Json(screen),
            Format::Text if screen.is_watched() => Self::Live(Live::new(screen)),
            Format::Text => Self::Plain(Plain::new(screen)),
        }
    }

    /// What the steps are called in words, where the plan is known.
    pub fn plan(&mut self, plan: &Plan) {
        match self {
            Self::Json(_) => {}
            Self::Live(live) => live.plan(plan),
            Self::Plain(plain) => plain.plan(plan),
        }
    }

    /// Shows what happened.
    pub fn update(&mut self, update: &Update) {
        match self {
            // A reader that went away does not end the run, nor the exit code that tells how it ended.
            Self::Json(screen) => drop(screen.json(update)),
            Self::Live(live) => live.update(update),
            Self::Plain(plain) => plain.update(update),
        }
    }

    /// Makes room for other text.
    pub fn pause(&mut self) {
        if let Self::Live(live) = self {
            live.pause();
        }
    }

    /// Leaves the screen tidy.
    pub fn end(&mut self) {
        self.pause();
    }
}
