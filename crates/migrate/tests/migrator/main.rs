//! The migrator on real servers: what it applies and takes back, and runners that are killed, that wait for each other, and that
//! others are in the way of.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]
#![expect(clippy::print_stdout, reason = "processes of a test tell each other where they are")]

mod adoption;
mod boundaries;
mod child;
mod full;
mod index;
mod lease;
mod locks;
mod mariadb;
mod pooler;
mod postgres;
mod server;
mod sqlite;
mod support;
mod undrop;
