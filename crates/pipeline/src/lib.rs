//! The pipeline: what a commit goes through on its way to production, as a durable run.
//!
//! What happened is a line of the run's log ([`event`]), written before anything rests on it; what is next is a pure function of
//! the log and the plan ([`next`]). A runner ([`runner`]) does it, in a process of its own, and may be killed at any moment: the
//! next one folds the log ([`state`]) and goes on. No finished job is run again, and `finally` is run for every job that began.

pub mod cache;
pub mod event;
pub mod folder;
pub mod next;
pub mod plan;
pub mod private;
pub mod runner;
pub mod state;

mod attempt;
mod checkout;
mod copy;
mod error;
mod glob;
mod log;
mod output;
mod process;
mod reports;
mod reset;
mod selection;

pub use checkout::{Commit, committed_file, committed_names, diff, git, remove_of as remove_checkout};
pub use error::PipelineError;
pub use log::{Recorded, read as read_log};
pub use selection::{Wanted, check_inputs};
