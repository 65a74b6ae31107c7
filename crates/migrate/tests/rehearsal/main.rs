//! Rehearsals against real servers: that every wrong down side is found and no right one is flagged, what is seen of locks, rewrites
//! and queries, and that the real database stays as it is.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod cases;
mod configured;
mod leftovers;
mod mariadb;
mod postgres;
mod queries;
mod sqlite;
mod support;
