//! What every target that runs instances on this machine has in common: where records lie and how they are written, the fence,
//! when an instance is started again, what it is told, and how it is seen where it listens.
//!
//! Targets share one state folder. A slot's record says whose it is ([`records::SlotRecord::release`], its `target`); each
//! target leaves those of the others alone.

pub mod durable;
pub mod fence;
pub mod layout;
pub mod listeners;
pub mod lock;
pub mod records;
pub mod restart;
pub mod secret_files;
pub mod surroundings;
pub mod text;

mod error;

pub use error::{StateError, file, file_problem};
