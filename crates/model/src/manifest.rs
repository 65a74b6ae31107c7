//! `bascule.toml`: what it may say, and what it means for one environment.
//!
//! The text becomes a [`Manifest`] (what is written, with the place of each value, nothing filled in), and a manifest
//! becomes an [`Environment`] (overrides merged, defaults filled in, variables replaced). Only the second one is acted on.

pub mod json_path;
pub mod types;

pub use json_path::JsonPath;
pub use types::*;
