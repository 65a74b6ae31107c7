//! Migrations of users' databases: the journal in the database, the lease between runners, applying, reverting, rehearsing.
//!
//! The only room that speaks to users' databases. It prints nothing and reads no environment variable.

pub mod aside;
pub mod backfill;
pub mod contract;
pub mod rehearse;
pub mod schema;
pub mod tools;

mod address;
mod connection;
mod error;
mod hex;
mod identity;
mod journal;
mod lease;
mod migrator;
mod policy;
mod reconcile;
mod runner;
mod settings;
mod watch;

pub use address::Address;
pub use connection::{Connection, Row, Server, identifier, literal};
pub use error::{DatabaseError, Difference, Error, FailedStatement};
pub use identity::{Leads, leads};
pub use journal::{
    Bears, Contract, Details, Entry, Floor, Journal, Origin, Record, State, Step, StepPhase, StepState, table,
};
pub use lease::Holder;
pub use migrator::{
    Ailment, Applied, Choice, ContractCourse, Goal, Line, Made, Migrator, Missing, Order, Outcome, Phases,
    Plan, PlannedStatement, Reverted, Standing, Status, Thing, Undropped, Wish,
};
pub use policy::Blocker;
pub use reconcile::Unclear;
pub use settings::{Chance, Settings};
pub use watch::{Event, Place, Silent, Watch};
