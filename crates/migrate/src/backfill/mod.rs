//! Backfills: rows filled in while both releases run, in batches that are short transactions of their own.
//!
//! The place that was reached is saved in the transaction of the batch that reached it: whoever is killed, every row is touched once.
//! Rows that come or change meanwhile are not looked for: the trigger that keeps old and new columns equal is there before the
//! backfill begins (`expand`), and takes care of them wherever their key lies.

mod batch;
mod claim;
pub(crate) mod clock;
mod control;
mod course;
mod error;
mod key;
mod options;
mod pace;
mod progress;
mod quarantine;
mod range;
mod record;
mod room;
mod run;
mod schema;
mod table;
mod throttle;

pub(crate) use control::forget_one;
pub use control::{abandon, define, find, forget, list, pause, resume};
pub use course::{Course, Event, GiveUp, Turn};
pub use error::Error;
pub use key::{Key, KeyColumn, Kind};
pub use options::Options;
pub use pace::Pace;
pub use progress::{Progress, Report};
pub use quarantine::BadRow;
pub use record::{Id, Record, State};
pub use room::Room;
pub use run::{Outcome, run};
pub use schema::ensure;
pub(crate) use table::parts;
pub use throttle::{Floor, Limits, Load, Waiting};
