//! Who has the database, as others see it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who has the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its session at the server; with SQLite its process.
    pub session: u64,
    /// Who it says to be.
    pub owner: String,
    /// The run that it is for.
    pub run: Option<String>,
    /// How long it has the database.
    pub since: Option<Duration>,
    /// How long nothing was heard of it.
    pub silent: Option<Duration>,
    /// Whether its second session, which only tells that it lives, is there.
    pub watcher: Presence,
    /// What it does: the beginning of its statement.
    pub statement: Option<String>,
}

/// Whether a session is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It is.
    There,
    /// It is not.
    Gone,
    /// We cannot tell.
    Unknown,
}

/// A runner says that it lives once a second. Without its second session it is not waited for longer than this.
const GONE: Duration = Duration::from_secs(2);
/// With it (or when we cannot see it), a machine that is only slow is left its time.
const SILENT: Duration = Duration::from_secs(20);

impl Holder {
    /// Whether the runner is dead and only the server still works for it. It is fenced: one that lives after all cannot write.
    #[must_use]
    pub fn dead(&self) -> bool {
        match (self.silent, self.watcher) {
            // It took the lock and has not written yet who it is.
            (None, _) => false,
            (Some(silent), Presence::Gone) => silent > GONE,
            (Some(silent), Presence::There | Presence::Unknown) => silent > SILENT,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.owner)?;
        if let Some(run) = &self.run {
            write!(f, " (run {run})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_is_dead_when_it_is_silent_and_its_second_session_is_gone() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (silent, watcher, dead) in [
            (None, Presence::Gone, false),
            (seconds(1), Presence::Gone, false),
            (seconds(3), Presence::Gone, true),
            (seconds(3), Presence::There, false),
            (seconds(3), Presence::Unknown, false),
            (seconds(21), Presence::There, true),
            (seconds(21), Presence::Unknown, true),
        ] {
            let holder = Holder {
                session: 1,
                owner: "ann".to_owned(),
                run: None,
                since: None,
                silent,
                watcher,
                statement: None,
            };
            assert_eq!(holder.dead(), dead, "{silent:?} {watcher:?}");
        }
    }
}
