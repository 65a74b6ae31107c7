//! Between columns and values: whatever does not read back as it was written is damage, and is named.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::JournalError;
use bascule_model::ids::EnvironmentKey;
use bascule_model::problem::{Code, Problem};

/// What is stored does not make sense.
pub(crate) fn corrupt(what: impl Into<String>) -> JournalError {
    JournalError::Corrupt(what.into())
}

/// Nanoseconds since 1970.
pub(crate) fn nanos(at: Timestamp) -> Result<i64, JournalError> {
    i64::try_from(at.as_nanosecond()).map_err(|_| {
        JournalError::Unavailable(Problem::new(
            Code::Internal,
            format!("the journal keeps times from 1677 to 2262, and {at} is none of them"),
            "set this machine's clock",
        ))
    })
}

pub(crate) fn time(nanos: i64) -> Result<Timestamp, JournalError> {
    Timestamp::from_nanosecond(i128::from(nanos))
        .map_err(|error| corrupt(format!("{nanos} is not a time: {error}")))
}

pub(crate) fn unsigned(number: i64) -> Result<u64, JournalError> {
    u64::try_from(number).map_err(|_| corrupt(format!("{number} is below zero")))
}

pub(crate) fn signed(number: u64) -> Result<i64, JournalError> {
    i64::try_from(number).map_err(|_| corrupt(format!("{number} is too large a number")))
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, JournalError> {
    serde_json::to_string(value).map_err(|error| corrupt(format!("a value has no JSON: {error}")))
}

pub(crate) fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| corrupt(format!("{what} does not read as JSON: {error}")))
}

/// An enum without data as bare text.
pub(crate) fn word<T: Serialize>(value: T) -> Result<String, JournalError> {
    Ok(json(&value)?.trim_matches('"').to_owned())
}

pub(crate) fn parse_word<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, JournalError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| corrupt(format!("{text:?} is not {what}")))
}

pub(crate) fn key(text: &str) -> Result<EnvironmentKey, JournalError> {
    text.parse().map_err(|error| corrupt(format!("{error}")))
}
