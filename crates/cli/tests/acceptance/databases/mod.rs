//! Migrations as steps of a deploy, over a real PostgreSQL, while clients write and read all the time: every row of the
//! table of failures, one scenario or more each. What holds in all of them: no request of the version that serves is lost, no
//! value comes back wrong, and the database stands as the table says.
//!
//! The app is the register of `examples/register`, whose versions keep a name in the column `name` or `full_name`.
//!
//! | where | what fails | here |
//! |---|---|---|
//! | plan | a file was edited, is missing, comes too early, is no SQL; a rule blocks; no server | `plan` |
//! | rehearse | a statement fails, a query of the live release breaks, a way back does not restore | `rehearsal` |
//! | lease | a live runner has it; a dead one had it | `lease` |
//! | expand | a statement fails; no lock is to be had; the control plane or the server is killed; an index is left invalid | `expand` |
//! | gate | the live release suffers: a query that does not outlive the change, writes that a trigger refuses | `gate` |
//! | green | the new release is ill, or needs what is not there | `gate` |
//! | backfill | a row is refused or missed; the control plane is killed | `backfill` |
//! | backfill | a replica, its log, a disk, others who wait | `bascule-migrate`, `backfill/room.rs` and `backfill/control.rs`: limits are not set here |
//! | switch, soak, blue stopped | the switch fails; the bake fails; warm and cold rollbacks | `switching` |
//! | validate | rows break the constraint, in the contract and in the expand | `validate` |
//! | soft drop, hard drop | below the floor nothing runs; nothing goes for good without a backup | `contract` |
//! | soft drop | the undo in one statement; a crash between its statements | `bascule-migrate`, `contract/` |
//! | any | journal and catalog, or files, disagree | `drift` |
//! | any | taking back; taking back that is killed | `revert`, `kill` |
//! | any step | the control plane is killed around it and around its undo; the edge is | `kill` |
//! | every kind of statement | the runner or the server is killed at its boundaries and inside | `bascule-migrate`, `migrator/boundaries.rs`, `index.rs`, `server.rs` |
//!
//! What differs between databases (switch, gate, contract, taking back, kills) is put to MariaDB and SQLite too, and to containers
//! beside PostgreSQL.

mod backfill;
mod beside;
mod contract;
mod drift;
mod expand;
mod gate;
mod instance;
#[cfg(feature = "failpoints")]
mod kill;
mod lease;
mod people;
mod plan;
mod reader;
mod register;
mod rehearsal;
mod revert;
mod server;
mod switching;
mod validate;
mod writers;
