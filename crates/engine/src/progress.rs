//! What a run tells those who watch it. Recorded events are in the journal as well; notes are gone when they were shown.

use std::borrow::Cow;

use bascule_journal::Recorded;
use bascule_model::ids::RunId;
use bascule_secrets::redact::Redactor;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// Something to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Update {
    /// An event was written.
    Event {
        /// Of which run.
        run: RunId,
        /// What was written.
        recorded: Recorded,
    },
    /// How far a step is.
    Note {
        /// Of which run.
        run: RunId,
        /// Which step.
        step: String,
        /// In words.
        text: String,
    },
}

impl Update {
    /// The run it is about.
    #[must_use]
    pub fn run(&self) -> &RunId {
        match self {
            Self::Event { run, .. } | Self::Note { run, .. } => run,
        }
    }
}

/// The channel. Whoever is too slow misses notes and reads the events from the journal.
#[derive(Debug, Clone)]
pub struct Progress {
    sender: broadcast::Sender<Update>,
    redactor: Redactor,
}

impl Default for Progress {
    fn default() -> Self {
        Self { sender: broadcast::channel(1024).0, redactor: Redactor::none() }
    }
}

impl Progress {
    /// Watches from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Update> {
        self.sender.subscribe()
    }

    /// The same channel; what is told here is told without these secrets.
    #[must_use]
    pub fn without(&self, redactor: Redactor) -> Self {
        Self { sender: self.sender.clone(), redactor }
    }

    /// Tells how far a step is.
    pub fn note(&self, run: &RunId, step: &str, text: String) {
        let redacted = match self.redactor.text(&text) {
            Cow::Owned(redacted) => Some(redacted),
            Cow::Borrowed(_) => None,
        };
        let text = redacted.unwrap_or(text);
        // Nobody watching is not an error.
        let _ = self.sender.send(Update::Note { run: run.clone(), step: step.to_owned(), text });
    }

    /// Tells what was written.
    pub fn event(&self, run: &RunId, recorded: Recorded) {
        let _ = self.sender.send(Update::Event { run: run.clone(), recorded });
    }
}
