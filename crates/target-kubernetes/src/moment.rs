//! Times of the API in our own type: the libraries have their own version of the crate for it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A time of the API server.
pub(crate) fn of(time: &Time) -> Timestamp {
    Timestamp::from_nanosecond(time.0.as_nanosecond()).unwrap_or(Timestamp::MAX)
}

/// Nanoseconds since 1970 as the API server is asked with.
pub(crate) fn asked(nanoseconds: u64) -> Option<k8s_openapi::jiff::Timestamp> {
    k8s_openapi::jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
}
