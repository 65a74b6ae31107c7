//! Between columns and values: whatever does not read back as it was written is damage, and is named.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{Failure, corrupt};
use crate::error::JournalError;
use bascule_model::problem::{Code, Problem};

/// Nanoseconds since 1970.
pub(super) fn nanos(at: Timestamp) -> Result<i64, Failure> {
    i64::try_from(at.as_nanosecond()).map_err(|_| {
        Failure::Journal(JournalError::Unavailable(Problem::new(
            Code::Internal,
            format!("the journal keeps times from 1677 to 2262, and {at} is none of them"),
            "set this machine's clock",
        )))
    })
}

pub(super) fn time(nanos: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_nanosecond(i128::from(nanos))
        .map_err(|error| corrupt(format!("{nanos} is not a time: {error}")))
}

pub(super) fn unsigned(number: i64) -> Result<u64, Failure> {
    u64::try_from(number).map_err(|_| corrupt(format!("{number} is below zero")))
}

pub(super) fn signed(number: u64) -> Result<i64, Failure> {
    i64::try_from(number).map_err(|_| corrupt(format!("{number} is too large a number")))
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| corrupt(format!("a value has no JSON: {error}")))
}

pub(super) fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| corrupt(format!("{what} does not read as JSON: {error}")))
}

/// An enum without data as bare text.
pub(super) fn word<T: Serialize>(value: T) -> Result<String, Failure> {
    Ok(json(&value)?.trim_matches('"').to_owned())
}

pub(super) fn parse_word<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| corrupt(format!("{text:?} is not {what}")))
}

pub(super) fn key(text: &str) -> Result<bascule_model::ids::EnvironmentKey, Failure> {
    text.parse().map_err(|error| corrupt(format!("{error}")))
}
