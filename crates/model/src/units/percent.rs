//! A share of a hundred, exact to a ten-thousandth: `0.1%`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BadQuantity, quantity, scaled};

/// A percentage from `0%` to `100%`, in steps of `0.0001%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(into = "String", try_from = "String")]
pub struct Percent {
    parts_per_million: u32,
}

quantity!(
    Percent,
    "percentage",
    r"^[0-9]+(\.[0-9]{1,4})?%$",
    "a number from 0 to 100 with %, as in \"0.1%\" or \"5%\""
);

impl Percent {
    /// So many millionths; more than a million is taken as all of it.
    #[must_use]
    pub const fn from_parts_per_million(parts: u32) -> Self {
        Self { parts_per_million: if parts > 1_000_000 { 1_000_000 } else { parts } }
    }

    /// The share in millionths, 0 to 1,000,000.
    #[must_use]
    pub const fn parts_per_million(self) -> u32 {
        self.parts_per_million
    }

    /// The share as a number from 0.0 to 1.0.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.parts_per_million) / 1_000_000.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.parts_per_million / 10_000, self.parts_per_million % 10_000);
        if rest == 0 {
            f.pad(&format!("{whole}%"))
        } else {
            f.pad(&format!("{whole}.{}%", format!("{rest:04}").trim_end_matches('0')))
        }
    }
}

impl FromStr for Percent {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        text.strip_suffix('%')
            .and_then(|number| scaled(number, 10_000))
            .and_then(|parts| u32::try_from(parts).ok())
            .filter(|parts| *parts <= 1_000_000)
            .map(Self::from_parts_per_million)
            .ok_or_else(|| Self::refuse(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_percentages() {
        for (text, parts, canonical) in [
            ("0.1%", 1_000, "0.1%"),
            ("5%", 50_000, "5%"),
            ("100%", 1_000_000, "100%"),
            ("0.0001%", 1, "0.0001%"),
        ] {
            let percent: Percent = text.parse().unwrap();
            assert_eq!(percent.parts_per_million(), parts, "{text}");
            assert_eq!(percent.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_unit_or_is_out_of_range() {
        for text in ["", "5", "%", "-1%", "101%", "0.00001%", "5 %", ".5%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }
}
