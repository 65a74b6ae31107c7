//! JSON, with its errors in words.

use serde_json::Value;

use super::Unreadable;

/// Reads a document; how deep it may be nested is bounded by the library.
pub fn read(text: &str) -> Result<Value, Unreadable> {
    serde_json::from_str(text).map_err(|error| {
        Unreadable::new(format!("it is no JSON: line {}, column {}", error.line(), error.column()))
    })
}

/// A number that counts something.
pub fn count(value: &Value, what: &str) -> Result<u64, Unreadable> {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..1e15).contains(number));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
    value
        .as_u64()
        .or(whole.map(|number| number as u64))
        .ok_or_else(|| Unreadable::new(format!("{what} is missing, or no number of them")))
}
