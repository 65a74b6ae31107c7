//! Times of the API in our own type: the libraries have their own version of the crate for it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};

/// A time of the API server.
pub(crate) fn of(time: &Time) -> Timestamp {
    Timestamp::from_nanosecond(time.0.as_nanosecond()).unwrap_or(Timestamp::MAX)
}

/// The same with parts of a second.
pub(crate) fn of_micro(time: &MicroTime) -> Timestamp {
    Timestamp::from_nanosecond(time.0.as_nanosecond()).unwrap_or(Timestamp::MAX)
}

/// A time as the API server takes it, with parts of a second.
pub(crate) fn micro(time: Timestamp) -> Option<MicroTime> {
    k8s_openapi::jiff::Timestamp::from_nanosecond(time.as_nanosecond()).ok().map(MicroTime)
}

/// Nanoseconds since 1970 as the API server is asked with.
pub(crate) fn asked(nanoseconds: u64) -> Option<k8s_openapi::jiff::Timestamp> {
    k8s_openapi::jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
}
