//! Rows that the server refused to change, kept for a person to look at.

use serde::{Deserialize, Serialize};

/// A row that the server refused to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRow {
    /// Its key, one text a column.
    pub key: Vec<String>,
    /// The server's words.
    pub error: String,
}
