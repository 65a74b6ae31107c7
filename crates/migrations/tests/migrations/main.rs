//! Folders, phases, what is pending, new files and other tools' tables, as tables of cases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adoption;
mod create;
mod folders;
mod pending;
mod phases;
mod support;
