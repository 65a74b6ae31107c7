//! A number of bytes with a unit: binary (`256Mi`) or decimal (`10MB`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BadQuantity, quantity, scaled, split_number};

/// A number of bytes. Written with `B`, a binary unit (`Ki`, `Mi`, `Gi`, `Ti`: powers of 1024) or a decimal one (`k`, `M`, `G`, `T`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(into = "String", try_from = "String")]
pub struct ByteSize {
    bytes: u64,
}

const BINARY: [(&str, u64); 4] = [("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
const DECIMAL: [(&str, u64); 4] =
    [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];

quantity!(
    ByteSize,
    "size",
    r"^[0-9]+(\.[0-9]+)?(B|[KMGT]i(B)?|[kKMGT](B)?)$",
    "a number with B, Ki, Mi, Gi, Ti (1024) or kB, MB, GB, TB (1000), as in \"256Mi\" or \"10MB\""
);

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self { bytes }
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.bytes
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, size): &&(&str, u64)| self.bytes != 0 && self.bytes.is_multiple_of(*size);
        let (unit, size) =
            BINARY.iter().find(fits).or_else(|| DECIMAL.iter().find(fits)).copied().unwrap_or(("B", 1));
        f.pad(&format!("{}{unit}", self.bytes / size))
    }
}

impl FromStr for ByteSize {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let (number, unit) = split_number(text);
        let size = match unit {
            "B" => 1,
            "Ki" | "KiB" => 1 << 10,
            "Mi" | "MiB" => 1 << 20,
            "Gi" | "GiB" => 1 << 30,
            "Ti" | "TiB" => 1 << 40,
            "k" | "K" | "kB" | "KB" => 1_000,
            "M" | "MB" => 1_000_000,
            "G" | "GB" => 1_000_000_000,
            "T" | "TB" => 1_000_000_000_000,
            _ => return Err(Self::refuse(text)),
        };
        scaled(number, size).map(Self::from_bytes).ok_or_else(|| Self::refuse(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_sizes() {
        for (text, bytes, canonical) in [
            ("256Mi", 256 << 20, "256Mi"),
            ("1Gi", 1 << 30, "1Gi"),
            ("512Ki", 512 << 10, "512Ki"),
            ("1.5Gi", 1536 << 20, "1536Mi"),
            ("10MB", 10_000_000, "10MB"),
            ("1G", 1_000_000_000, "1GB"),
            ("0B", 0, "0B"),
            ("17B", 17, "17B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.bytes(), bytes, "{text}");
            assert_eq!(size.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_unit_or_is_no_whole_number_of_bytes() {
        for text in ["", "256", "Mi", "256 Mi", "256mi", "0.3B", "-1Ki", "1.Ki", "99999999999Ti"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
