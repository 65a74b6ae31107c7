//! What is done with objects, one verb a file.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod discovery;
pub(crate) mod log;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod replace;
pub(crate) mod review;
pub(crate) mod scale;
pub(crate) mod watch;
