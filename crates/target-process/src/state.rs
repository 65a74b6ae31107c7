//! The state folder: where things lie, how they are written, what the records hold.

pub(crate) mod durable;
pub(crate) mod fence;
pub(crate) mod layout;
pub(crate) mod records;
