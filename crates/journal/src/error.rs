//! Why the journal could not do what it was asked.

use bascule_model::ids::{EnvironmentKey, RunId};
use bascule_model::problem::{Code, Problem};

use crate::records::Lease;

/// Why the journal could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The lease's generation is not the highest: another engine has the environment.
    #[error("another engine has taken {0} over")]
    Fenced(EnvironmentKey),
    /// Another run has the environment.
    #[error("{} holds {}", .0.run, .0.key)]
    Held(Box<Lease>),
    /// Another run ended after the plan was made, and what it was made for is no more.
    #[error("another run of {0} ended while this one was planned")]
    Moved(EnvironmentKey),
    /// A run that is to be taken over went another way here.
    #[error("{0} has gone on in this state folder otherwise than where it was taken over")]
    Parted(RunId),
    /// The event was written before: whoever writes it again did not read first.
    #[error("the journal has this event already: {0}")]
    Duplicate(String),
    /// What is stored makes no sense.
    #[error("the journal is damaged: {0}")]
    Corrupt(String),
    /// A newer version of Bascule wrote it.
    #[error(
        "the journal was written by a newer version of Bascule ({by}): its schema is {found}, this version knows {known}"
    )]
    Newer {
        /// The schema it has.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
        /// The version that made it so.
        by: String,
    },
    /// It cannot be read or written now.
    #[error("{0}")]
    Unavailable(Problem),
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        let message = error.to_string();
        match error {
            JournalError::Fenced(_) => Self::new(
                Code::LeaseLost,
                message,
                "look at `bascule status`: the other engine's run decides now",
            ),
            JournalError::Held(lease) => Self::new(
                Code::LeaseHeld,
                format!("{} has {} since {:.0}", lease.run, lease.key, lease.since),
                format!("wait for it, or end it with `bascule abort {}`", lease.run),
            ),
            JournalError::Moved(_) => Self::new(
                Code::PlanStale,
                message,
                "look at `bascule status`, then run the command again: it is planned anew",
            ),
            JournalError::Parted(_) => Self::new(
                Code::EnvironmentElsewhere,
                message,
                "what happened cannot be unwritten: work from where it went on, or with another state folder (--state)",
            ),
            JournalError::Duplicate(_) => {
                Self::new(Code::JournalCorrupt, message, "report this: it is a defect of Bascule")
            }
            JournalError::Corrupt(_) => Self::new(
                Code::JournalCorrupt,
                message,
                "what runs goes on running; put a copy of the journal back (journal.db in the state folder, or the database of BASCULE_JOURNAL), or begin with another --state folder",
            ),
            JournalError::Newer { by, .. } => Self::new(
                Code::JournalCorrupt,
                message,
                format!(
                    "what runs goes on running; use Bascule {by} or newer, or begin with another --state folder"
                ),
            ),
            JournalError::Unavailable(problem) => problem,
        }
    }
}
