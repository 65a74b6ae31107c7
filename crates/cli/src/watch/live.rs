//! The display on a terminal: what ended stands above, the step that runs moves below, with its latest note.

use std::time::Duration;

use bascule_engine::progress::Update;
use bascule_model::plan::Plan;
use indicatif::{ProgressBar, ProgressStyle};

use crate::screen::Screen;
use crate::watch::steps::{Said, Steps};

/// A display that is on.
pub struct Live {
    screen: Screen,
    steps: Steps,
    bar: Option<ProgressBar>,
}

impl Live {
    /// A display that shows nothing yet.
    pub fn new(screen: Screen) -> Self {
        Self { screen, steps: Steps::default(), bar: None }
    }

    /// Takes the words for the steps from the plan.
    pub fn plan(&mut self, plan: &Plan) {
        self.steps.plan(plan);
    }

    /// Shows what happened.
    pub fn update(&mut self, update: &Update) {
        match self.steps.on(update) {
            Some(Said::Began { step, text }) => {
                let bar = self.bar();
                bar.reset_elapsed();
                bar.set_prefix(step);
                bar.set_message(text);
            }
            Some(Said::Note { step, text }) => {
                let bar = self.bar();
                bar.set_prefix(step);
                bar.set_message(text);
            }
            Some(Said::Ended(line)) => {
                self.pause();
                self.screen.note(&line);
            }
            None => {}
        }
    }

    /// Takes the moving line away.
    pub fn pause(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&mut self) -> &ProgressBar {
        self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            // The template is a constant of ours; the usual style would do as well.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<16} {elapsed:<11} {wide_msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        })
    }
}
