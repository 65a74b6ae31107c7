//! A length of time with a unit, in whole milliseconds: `250ms`, `30s`, `1m30s`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BadQuantity, quantity, split_number};

/// A length of time, in whole milliseconds. Written `250ms`, `30s`, `10m`, `2h`, `7d` or several of these, largest first: `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(into = "String", try_from = "String")]
pub struct Duration {
    milliseconds: u64,
}

/// The units, largest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

quantity!(
    Duration,
    "duration",
    r"^([0-9]+(ms|s|m|h|d))+$",
    "a whole number with ms, s, m, h or d, as in \"250ms\", \"30s\" or \"1m30s\""
);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self { milliseconds: 0 };

    /// So many milliseconds.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self { milliseconds }
    }

    /// So many seconds.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self { milliseconds: seconds * 1_000 }
    }

    /// The length in whole milliseconds.
    #[must_use]
    pub const fn milliseconds(self) -> u64 {
        self.milliseconds
    }

    /// The same length as the standard library's type.
    #[must_use]
    pub const fn get(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.milliseconds)
    }

    /// Whether it is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.milliseconds == 0
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.get()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milliseconds == 0 {
            return f.pad("0s");
        }
        let mut text = String::new();
        let mut left = self.milliseconds;
        for (unit, length) in UNITS {
            if left >= length {
                text.push_str(&format!("{}{unit}", left / length));
                left %= length;
            }
        }
        f.pad(&text)
    }
}

impl FromStr for Duration {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let mut rest = text;
        let mut units = UNITS.iter();
        let mut total = 0_u64;
        if rest.is_empty() {
            return Err(Self::refuse(text));
        }
        while !rest.is_empty() {
            let (number, after) = split_number(rest);
            let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_end);
            // The iterator only moves on, so that each unit stands once and the largest first.
            let length = units.find(|(name, _)| *name == unit).map(|(_, length)| *length);
            let part = length.zip(number.parse::<u64>().ok()).and_then(|(length, n)| n.checked_mul(length));
            total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| Self::refuse(text))?;
            rest = after;
        }
        Ok(Self { milliseconds: total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_durations() {
        for (text, milliseconds, canonical) in [
            ("250ms", 250, "250ms"),
            ("30s", 30_000, "30s"),
            ("300s", 300_000, "5m"),
            ("1m30s", 90_000, "1m30s"),
            ("7d", 604_800_000, "7d"),
            ("24h", 86_400_000, "1d"),
            ("1s5ms", 1_005, "1s5ms"),
            ("0s", 0, "0s"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.milliseconds(), milliseconds, "{text}");
            assert_eq!(duration.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_unit_or_is_in_disorder() {
        for text in
            ["", "30", "s", "30 s", "-1s", "1.5s", "30s1m", "1s1s", "30S", "1w", "99999999999999999999d"]
        {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
