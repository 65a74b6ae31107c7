//! The fake cluster, seen by the client that programs use.

mod apply;
mod discovery;
mod endpoints;
mod faults;
mod jobs;
mod limits;
mod listener;
mod logs;
mod objects;
mod patches;
mod pods;
mod scenes;
mod watches;
mod workloads;
