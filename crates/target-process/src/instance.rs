//! One instance: what it is told, how its process is made, and when it is started again.

pub(crate) mod command;
pub(crate) mod environment;
pub(crate) mod launch;
pub(crate) mod port;
pub(crate) mod process_record;
pub(crate) mod program;
pub(crate) mod terminal;

pub(crate) use bascule_instances::{restart, surroundings};
