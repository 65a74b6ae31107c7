//! Quantities with their units: `30s`, `256Mi`, `0.1%`, `500m`.
//!
//! Each is a type of its own that is read from text, where the unit is required, and is written back in one canonical
//! text. Reading the canonical text gives the same quantity again.

mod byte_size;
mod cpu_share;
mod duration;
mod percent;
mod ratio;

pub use byte_size::ByteSize;
pub use cpu_share::CpuShare;
pub use duration::Duration;
pub use percent::Percent;
pub use ratio::{Ratio, Whole};

/// A text that is no quantity of the kind that was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a {what}: {expected}")]
pub struct BadQuantity {
    /// What was wanted, as in "duration".
    pub what: &'static str,
    /// The refused text.
    pub given: String,
    /// How such a quantity is written, with examples.
    pub expected: &'static str,
}

/// Splits a text into its leading decimal number (`digits[.digits]`) and the rest.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// Reads `digits[.digits]` as a whole number of thousandths of `scale`: exact, or nothing.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || fraction.is_some_and(|f| !is_digits(f) || f.len() > 9) {
        return None;
    }
    let mut total = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if let Some(fraction) = fraction {
        let divisor = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(scale);
        if part % divisor != 0 {
            return None;
        }
        total = total.checked_add(u64::try_from(part / divisor).ok()?)?;
    }
    Some(total)
}

/// What every quantity has in common: text in serde, and a pattern in the JSON Schema.
macro_rules! quantity {
    ($name:ident, $what:literal, $pattern:literal, $description:literal) => {
        impl TryFrom<String> for $name {
            type Error = $crate::units::BadQuantity;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(quantity: $name) -> Self {
                quantity.to_string()
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                false
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "description": $description })
            }
        }

        impl $name {
            fn refuse(given: &str) -> $crate::units::BadQuantity {
                $crate::units::BadQuantity { what: $what, given: given.to_owned(), expected: $description }
            }
        }
    };
}
use quantity;
