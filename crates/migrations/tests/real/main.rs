//! Recipes and other tools' tables, run for real: PostgreSQL, MariaDB and SQLite through their own command line clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod adopted;
mod database;
mod recipes;
mod tables;
mod written;
