//! What a run tells those who watch it. Recorded events are in the journal as well; notes are gone when they were shown.

use bascule_journal::Recorded;
use bascule_model::ids::RunId;
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
pub struct Progress(broadcast::Sender<Update>);

impl Default for Progress {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

impl Progress {
    /// Watches from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Update> {
        self.0.subscribe()
    }

    /// Tells how far a step is.
    pub fn note(&self, run: &RunId, step: &str, text: String) {
        // Nobody watching is not an error.
        let _ = self.0.send(Update::Note { run: run.clone(), step: step.to_owned(), text });
    }

    /// Tells what was written.
    pub fn event(&self, run: &RunId, recorded: Recorded) {
        let _ = self.0.send(Update::Event { run: run.clone(), recorded });
    }
}
