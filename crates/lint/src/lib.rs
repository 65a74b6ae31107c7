//! What a migration would do to those who use the database meanwhile, said before it is run. No I/O.
//!
//! One rule, one file, one section of `docs/lint.md`. A rule knows what is at stake from the rows that are there, from who runs, and
//! from the phase; where that is not known it says what it would be in the usual case.

mod context;
mod docs;
mod edit;
mod finding;
mod history;
mod json;
mod lint;
mod phases;
mod rule;
mod rules;
mod sarif;
mod site;
mod suppress;
#[cfg(test)]
mod testing;
mod text;
mod types;
mod write;

pub use context::{ColumnFacts, Context, Database, Live, Phases, ServerVersion, TableFacts};
pub use docs::documentation;
pub use edit::fixed;
pub use finding::{Edit, Finding, Severity};
pub use json::json;
pub use lint::lint;
pub use rule::Rule;
pub use rules::ALL as RULES;
pub use sarif::sarif;
pub use text::text;
