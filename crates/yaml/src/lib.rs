//! YAML as Bascule reads it: a tree in which every node knows its line, and what of that is JSON for Kubernetes. No I/O.

mod error;
mod json;
mod tree;

pub use error::YamlError;
pub use json::to_json;
pub use tree::{Node, Style, Value, documents, parse};
