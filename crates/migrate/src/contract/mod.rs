//! The contract in two parts: what the former release needed goes softly, and for good only later.
//!
//! A column or a table that a migration drops is renamed to a tombstone; its undo is stored beside it. Only the hard drop loses
//! anything: it comes after a time, with a backup that is younger, and only for what nobody has used since. It is the one point of
//! no return.

mod due;
mod error;
mod event;
mod facts;
mod hard;
mod inverse;
mod keepers;
mod mysql;
mod name;
mod point;
mod postgres;
mod refill;
mod schema;
mod script;
mod soft;
mod soften;
mod sqlite;
mod tombstone;
mod transaction;
mod undo;
mod usage;

pub use due::{Backup, Refusal, allowed, due};
pub use error::Error;
pub use event::{Deed, Event, events};
pub use facts::{ColumnFacts, Constraint, Facts, Keeper, NotValid, Way};
pub use hard::drop_hard;
pub(crate) use inverse::inverse;
pub use name::tombstone_name;
pub use point::point_of_no_return;
pub use refill::{Refill, refill, refills};
pub use schema::ensure;
pub use script::{Script, script};
pub use soft::{Buried, bury, drop_softly};
pub use soften::{Burial, SoftStep, soften};
pub use tombstone::{Kind, State, Tombstone, find, list};
pub use transaction::Policy;
pub use undo::{never, undo, undo_all, undo_all_filling};
pub use usage::{Settled, Usage};
