//! The journal: what was applied to a database, kept in the database itself, in the same transaction as the change where the server
//! can.
//!
//! One row for a migration (its state, its texts, so that it can be taken back without its file) and one for each statement. All
//! times are the server's.

mod clock;
mod details;
mod floor;
mod history;
mod record;
mod step;
mod tables;
mod write;

pub use details::Details;
pub use floor::{Bears, Floor};
pub use history::Entry;
pub use record::{Contract, Journal, Origin, Record, State};
pub use step::{Step, StepPhase, StepState};
pub use tables::table;

pub(crate) use details::details;
pub(crate) use floor::floor;
pub(crate) use history::{applied_at, deployed_to, history};
pub(crate) use record::{REMOVED, read};
pub(crate) use step::{open_steps, steps};
pub(crate) use tables::{ensure, undefined};
pub(crate) use write::{Before, Entering, Outcome, PartKey, Stamp, Writer};
