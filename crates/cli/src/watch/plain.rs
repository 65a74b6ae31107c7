//! The display where nobody watches (a pipe, a file, CI): one line for each step that ended, and now and then how far a
//! long one is.

use std::time::Duration;

use bascule_engine::progress::Update;
use bascule_model::plan::Plan;
use tokio::time::Instant;

use crate::screen::Screen;
use crate::text::wrap::shortened;
use crate::watch::steps::{Said, Steps};

/// The shortest time between two lines about the same step: a log is read afterwards.
const BETWEEN_NOTES: Duration = Duration::from_secs(5);

/// A display of lines.
pub struct Plain {
    screen: Screen,
    steps: Steps,
    last_line: Instant,
}

impl Plain {
    /// A display that has shown nothing yet.
    pub fn new(screen: Screen) -> Self {
        Self { screen, steps: Steps::default(), last_line: Instant::now() }
    }

    /// Takes the words for the steps from the plan.
    pub fn plan(&mut self, plan: &Plan) {
        self.steps.plan(plan);
    }

    /// Shows what happened.
    pub fn update(&mut self, update: &Update) {
        match self.steps.on(update) {
            Some(Said::Ended(line)) => self.line(&line),
            Some(Said::Note { step, text }) if self.last_line.elapsed() >= BETWEEN_NOTES => {
                self.line(&format!("… {step:<16} {}", shortened(&text, 61)));
            }
            Some(Said::Began { step, text }) if text.starts_with("begun again") => {
                self.line(&format!("… {step:<16} {text}"));
            }
            Some(Said::Began { .. } | Said::Note { .. }) | None => {}
        }
    }

    fn line(&mut self, line: &str) {
        self.last_line = Instant::now();
        self.screen.note(line);
    }
}
