//! What the kernel knows of processes: read from `/proc` and through process file descriptors.

pub(crate) mod boot;
pub(crate) mod cgroup;
pub(crate) mod listeners;
pub(crate) mod members;
pub(crate) mod process;
pub(crate) mod stat;
