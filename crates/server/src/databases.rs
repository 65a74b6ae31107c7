//! What front ends and the engine do with users' databases: the folder of migrations is read here, addresses are made of what the
//! manifest says, errors become problems. The work itself is in `bascule-migrate`, `bascule-lint` and `bascule-backup`.

pub mod backups;
mod checks;
mod contract;
mod expand;
mod facts;
mod fill;
mod folder;
mod lint;
mod phasing;
mod place;
mod port;
pub mod problem;
pub mod rehearsal;
mod session;
mod store;
mod survey;
mod tend;
mod verdict;
pub mod watching;
mod ways;

pub use backups::Backups;
pub use folder::{Files, read_folder};
pub use lint::pending as lint_pending;
pub use phasing::phased;
pub use place::{address, place_in};
pub use port::Databases;
pub use survey::{blocks, foreign_problem, reversible};
pub use ways::Ways;

/// `1 row`, `2 rows`.
fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
