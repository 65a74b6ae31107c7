//! Migrations as they are written: our own files and those of other tools, in their conventions. No I/O.

mod adoption;
pub mod checksum;
mod create;
mod folder;
mod format;
mod formats;
mod migration;
pub mod pending;
mod phase;
pub mod recipe;
pub mod shares;
mod split;
mod text;
mod words;

pub use adoption::{
    Adopted, AdoptedMigration, Adoption, AdoptionError, Comparison, UnknownRow, Width, adoption,
};
pub use create::{CreateError, NewFile, NewMigration, create};
pub use folder::{FolderError, MigrationSet, Outline, read};
pub use format::{Format, FormatWish, UnknownFormat};
pub use migration::{
    Backfill, Gate, Migration, Note, Origin, Part, Phase, ToolSum, Transactions, Turn, Version,
};
pub use pending::{Applied, Todo, pending};
pub use phase::{PhaseError, phase};
pub use text::File;
