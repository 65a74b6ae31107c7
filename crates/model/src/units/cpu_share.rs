//! A share of the machine's cores: `0.5`, `2`, `500m`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BadQuantity, quantity, scaled};

/// A number of cores, in thousandths. Written `0.5` or `2` (cores), or `500m` (thousandths of a core).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(into = "String", try_from = "String")]
pub struct CpuShare {
    millicores: u32,
}

quantity!(
    CpuShare,
    "share of cores",
    r"^([0-9]+(\.[0-9]{1,3})?|[0-9]+m)$",
    "a number of cores as text, as in \"0.5\" or \"2\", or thousandths of a core, as in \"500m\""
);

impl CpuShare {
    /// So many thousandths of a core.
    #[must_use]
    pub const fn from_millicores(millicores: u32) -> Self {
        Self { millicores }
    }

    /// The share in thousandths of a core.
    #[must_use]
    pub const fn millicores(self) -> u32 {
        self.millicores
    }
}

impl fmt::Display for CpuShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.millicores / 1_000, self.millicores % 1_000);
        if rest == 0 {
            f.pad(&whole.to_string())
        } else {
            f.pad(&format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')))
        }
    }
}

impl FromStr for CpuShare {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let millicores = match text.strip_suffix('m') {
            Some(thousandths) if !thousandths.contains('.') => scaled(thousandths, 1),
            Some(_) => None,
            None => scaled(text, 1_000),
        };
        millicores
            .and_then(|m| u32::try_from(m).ok())
            .map(Self::from_millicores)
            .ok_or_else(|| Self::refuse(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_shares() {
        for (text, millicores, canonical) in [
            ("0.5", 500, "0.5"),
            ("2", 2_000, "2"),
            ("500m", 500, "0.5"),
            ("1.25", 1_250, "1.25"),
            ("1m", 1, "0.001"),
        ] {
            let share: CpuShare = text.parse().unwrap();
            assert_eq!(share.millicores(), millicores, "{text}");
            assert_eq!(share.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_number_of_cores() {
        for text in ["", "m", "0.0001", "-1", "50%", "1.5m", "2 cores"] {
            assert!(text.parse::<CpuShare>().is_err(), "{text}");
        }
    }
}
