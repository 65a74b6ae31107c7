//! What is worth a line of what a run tells: which step began, ended, was taken back, and after which time. Pure.

use std::collections::HashMap;
use std::time::Duration;

use bascule_engine::progress::Update;
use bascule_model::plan::Plan;
use bascule_model::run::Event;
use jiff::Timestamp;

use crate::text::style::{BAD, DIM, GOOD, WARNING, paint};
use crate::text::time;
use crate::text::wrap::shortened;
use crate::text::{escape, wrap};
use crate::view::evidence;

/// Something to show.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A step (or its undo) began.
    Began {
        /// Its name.
        step: String,
        /// In words.
        text: String,
    },
    /// How far a step is.
    Note {
        /// Its name.
        step: String,
        /// In words.
        text: String,
    },
    /// A line that stays.
    Ended(String),
}

/// Remembers what has begun.
#[derive(Debug, Default)]
pub struct Steps {
    words: HashMap<String, String>,
    began: HashMap<String, Timestamp>,
}

impl Steps {
    /// Takes the words for the steps from the plan.
    pub fn plan(&mut self, plan: &Plan) {
        self.words = plan.steps.iter().map(|step| (step.name.clone(), escape::line(&step.says))).collect();
    }

    /// What to show of an update; none for what says nothing new.
    pub fn on(&mut self, update: &Update) -> Option<Said> {
        let recorded = match update {
            Update::Note { step, text, .. } => {
                return Some(Said::Note { step: step.clone(), text: escape::line(text) });
            }
            Update::Event { recorded, .. } => recorded,
        };
        let at = recorded.at;
        let line = match &recorded.event {
            Event::StepStarted { step, attempt } => {
                self.began.insert(step.clone(), at);
                let words = self.words.get(step).cloned().unwrap_or_default();
                let text = if *attempt > 1 { format!("begun again (attempt {attempt})") } else { words };
                return Some(Said::Began { step: step.clone(), text });
            }
            Event::UndoStarted { step, .. } => {
                self.began.insert(step.clone(), at);
                return Some(Said::Began { step: step.clone(), text: "taking it back".to_owned() });
            }
            Event::StepDone { step, evidence, .. } => {
                let brief = evidence::brief(step, evidence).or_else(|| self.words.get(step).cloned());
                line(&paint(GOOD, "✓"), step, self.took(step, at), &brief.unwrap_or_default())
            }
            Event::StepFailed { step, problem, .. } => {
                line(&paint(BAD, "✗"), step, self.took(step, at), problem.code.as_str())
            }
            Event::UndoDone { step, evidence, .. } => {
                line(&paint(WARNING, "↩"), step, self.took(step, at), evidence::undone(evidence))
            }
            Event::UndoFailed { step, problem, attempt } => line(
                &paint(BAD, "✗"),
                step,
                self.took(step, at),
                &format!("not taken back (attempt {attempt}): {}", escape::line(&problem.message)),
            ),
            Event::AbortRequested { by } => format!("  {} asked for the run to end", escape::line(by)),
            Event::RetryUndo { by, .. } => format!("  {} asked to take it back once more", escape::line(by)),
            Event::Abandoned { by, reason } => {
                wrap::wrap(&format!("  {} gave it up: {}", escape::line(by), escape::line(reason)), 0, 4)
            }
            Event::Finished { .. } => return None,
        };
        Some(Said::Ended(line))
    }

    fn took(&self, step: &str, at: Timestamp) -> Option<Duration> {
        self.began.get(step).map(|began| time::between(*began, at))
    }
}

fn line(mark: &str, step: &str, took: Option<Duration>, words: &str) -> String {
    let took = took.map(time::took).unwrap_or_default();
    // 2 mark, 13 name, 13 time: what is left of 80 columns is for the words.
    let line = format!("{mark} {step:<16} {took:<11} {}", paint(DIM, &shortened(words, 48)));
    line.trim_end().to_owned()
}
