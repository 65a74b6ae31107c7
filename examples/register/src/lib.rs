//! A register of people, made to be deployed by Bascule: a small web application whose versions differ in the column of
//! the database that they keep a name in.
//!
//! It asks the database as most applications do: through a pool, with prepared statements that name their columns (or,
//! when told to, with the `SELECT *` that does not outlive a change of the table).
//!
//! | path | what |
//! |---|---|
//! | `GET /health` | 200 when the database answers for the columns that this version needs, else 503 and why not |
//! | `GET /version` | column, release, slot and instance |
//! | `GET /people` | the last hundred, newest first: `[{"id": 1, "name": "Ada"}]` |
//! | `POST /people` | `{"name": "Ada"}`; answers 201 with the id |
//! | `GET /people/1` | one of them |
//! | `PUT /people/1` | `{"name": "Ada L."}`: another name |
//!
//! See [`Options`] for the variables that it is told with.

mod database;
mod error;
mod faults;
mod options;
mod pages;
mod people;
mod serve;

pub use database::Database;
pub use error::RegisterError;
pub use faults::Faults;
pub use options::{Identity, Options, Selection};
pub use serve::{run, serve};
