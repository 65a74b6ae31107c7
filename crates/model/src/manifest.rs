//! `bascule.toml`: what it may say, and what it means for one environment.
//!
//! The text becomes a [`Manifest`] (what is written, with the place of each value, nothing filled in), and a manifest
//! becomes an [`Environment`] (overrides merged, defaults filled in, variables replaced). Only the second one is acted on.

pub mod diagnostics;
pub mod json_path;
mod read;
mod resolve;
mod schema;
mod source;
pub mod types;

pub use diagnostics::{Code, Color, Diagnostic, DiagnosticRecord, Diagnostics};
pub use json_path::JsonPath;
pub(crate) use read::is_url_path;
pub use read::parse;
pub(crate) use resolve::template::is_variable_name;
pub use resolve::{
    EnvFile, Given, GivenObject, GivenSecret, LISTEN, Origin, command_text, resolve, resolve_with,
};
pub use schema::schema;
pub use source::{Position, Source};
pub use types::*;
