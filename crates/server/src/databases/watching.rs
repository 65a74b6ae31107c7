//! What a migrator tells, in words for whoever follows a run.

use std::sync::Mutex;

use bascule_migrate::{Event, Watch};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Puts events into words and hands them on.
pub struct Words(Mutex<UnboundedSender<String>>);

impl Words {
    /// A watcher, and where its words come out.
    #[must_use]
    pub fn new() -> (Self, UnboundedReceiver<String>) {
        let (sender, receiver) = unbounded_channel();
        (Self(Mutex::new(sender)), receiver)
    }
}

impl Watch for Words {
    fn told(&self, event: &Event) {
        if let (Some(words), Ok(sender)) = (words(event), self.0.lock()) {
            // Whoever followed has left.
            let _ = sender.send(words);
        }
    }
}

/// What is worth a line; none for what only a list would show.
#[must_use]
pub fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::LeaseWait { holder, left } => {
            format!("waiting for {holder}, which changes this database ({} s at most)", left.as_secs())
        }
        Event::RunnerEnded { holder } => {
            format!("{holder} is dead: what the server still did for it was ended")
        }
        Event::PartBegun { version, name, phase, .. } => format!("{version} {name}: {phase}"),
        Event::LockWait { at, blockers } => {
            let who: Vec<String> = blockers.iter().map(ToString::to_string).collect();
            format!("{}: waits for {}", at.words, who.join("; "))
        }
        Event::Retry { at, attempt, blockers, .. } => {
            let who: Vec<String> = blockers.iter().map(ToString::to_string).collect();
            let who = if who.is_empty() { String::new() } else { format!(", held by {}", who.join("; ")) };
            format!("{}: no lock in time{who}; try {} follows", at.words, attempt + 1)
        }
        Event::Progress { doing, percent, .. } => match percent {
            Some(percent) => format!("{doing}, {percent} %"),
            None => doing.clone(),
        },
        Event::Reconciled { what, .. } => what.clone(),
        Event::Note(note) => note.clone(),
        Event::PartDone { .. } | Event::StatementBegun { .. } | Event::StatementDone { .. } => return None,
    })
}
