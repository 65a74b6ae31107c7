//! What commands show a person: text made of what the libraries say. Pure; colours are part of the text.

pub mod checklist;
pub mod checks;
pub mod evidence;
pub mod history;
mod outcome;
pub mod pipeline;
pub mod plan;
mod problem;
pub mod report;
pub mod resumed;
pub mod status;
pub mod yaml;

#[cfg(test)]
mod tests;

pub use outcome::outcome;
pub use problem::problem;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// When it is, and where: what times are shown against.
#[derive(Debug, Clone)]
pub struct Now {
    /// The time.
    pub at: Timestamp,
    /// The time zone.
    pub zone: TimeZone,
}

impl Now {
    /// The time of day, with the day when it is another one.
    pub fn clock(&self, at: Timestamp) -> String {
        crate::text::time::clock(at, self.at, &self.zone)
    }

    /// How long ago.
    pub fn ago(&self, at: Timestamp) -> String {
        crate::text::time::took(crate::text::time::between(at, self.at))
    }
}
