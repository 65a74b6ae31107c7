//! Backups of real databases: taken, kept, proven, restored; and what is left of them when something goes wrong.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod fake_s3;
mod harm;
mod mariadb;
mod postgres;
mod s3;
mod sqlite;
mod support;
