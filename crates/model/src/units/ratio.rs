//! Exact numbers: a quotient of two whole numbers, `4/5`, which is never rounded where something is decided.

use std::cmp::Ordering;
use std::fmt::Write as _;

/// A quotient of two whole numbers, at least zero.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    numerator: u128,
    denominator: u128,
}

impl Ratio {
    /// Zero.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// A whole number.
    #[must_use]
    pub const fn whole(number: u64) -> Self {
        Self { numerator: number as u128, denominator: 1 }
    }

    /// `part` of `all`; none where `all` is zero.
    #[must_use]
    pub fn of(part: u64, all: u64) -> Option<Self> {
        (all > 0).then_some(Self { numerator: part.into(), denominator: all.into() })
    }

    /// A number as it is written: digits with a point and an exponent, as JSON has them; none for a negative one, for none at
    /// all, and for one outside of 10⁻¹⁸ to 10¹⁸.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(part) {
            return None;
        }
        // What stands behind the 18th place is nothing that anybody measured.
        let part = &part[..part.len().min(18)];
        let digits = format!("{whole}{part}");
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Some(Self::ZERO);
        }
        let exponent = exponent.checked_sub(i32::try_from(part.len()).ok()?)?;
        let numerator: u128 = digits.parse().ok()?;
        let power = 10_u128.checked_pow(exponent.unsigned_abs()).filter(|power| *power <= TENTH)?;
        let ratio = if exponent < 0 {
            Self { numerator, denominator: power }
        } else {
            Self { numerator: numerator.checked_mul(power)?, denominator: 1 }
        };
        (ratio.numerator / ratio.denominator <= LARGEST).then_some(ratio)
    }

    /// The number of a floating-point value, as it is printed; none where it has none or is negative.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        Self::parse(&format!("{value}"))
    }

    /// So many times as much; none where that is too large.
    #[must_use]
    pub fn times(self, factor: u64) -> Option<Self> {
        let numerator = self.numerator.checked_mul(factor.into())?;
        Some(Self { numerator, denominator: self.denominator })
    }

    /// One of so many equal parts; none for no parts and where the parts are too small.
    #[must_use]
    pub fn over(self, parts: u64) -> Option<Self> {
        let denominator =
            self.denominator.checked_mul(parts.into()).filter(|denominator| *denominator > 0)?;
        Some(Self { numerator: self.numerator, denominator })
    }

    /// The nearest floating-point value, for what is shown and for formulas that are not exact by nature.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "it is the nearest that is asked for")]
    pub fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The whole part, and whether that is all of it.
    #[must_use]
    pub fn floor(self) -> (u128, Whole) {
        let rest = self.numerator % self.denominator;
        (self.numerator / self.denominator, if rest == 0 { Whole::Exact } else { Whole::Cut })
    }

    /// The number with at most `digits` decimal places, cut off and never rounded up, without zeros at the end.
    #[must_use]
    pub fn cut(self, digits: usize) -> String {
        let mut text = (self.numerator / self.denominator).to_string();
        let mut rest = self.numerator % self.denominator;
        if rest == 0 || digits == 0 {
            return text;
        }
        text.push('.');
        for _ in 0..digits {
            // A rest so large comes of no count of lines or requests; its further digits are left out.
            let Some(next) = rest.checked_mul(10) else { break };
            let _ = write!(text, "{}", next / self.denominator);
            rest = next % self.denominator;
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// The number for people: as few decimal places (from two on) as tell it apart from `limit`.
    #[must_use]
    pub fn beside(self, limit: Self) -> String {
        let equal = self == limit;
        let shown = |digits: usize| (self.cut(digits), limit.cut(digits));
        let digits = (2..=30).find(|digits| {
            let (this, other) = shown(*digits);
            equal || this != other
        });
        shown(digits.unwrap_or(30)).0
    }
}

/// Whether a whole part is all of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// It is.
    Exact,
    /// Something was cut off.
    Cut,
}

/// What is taken for a number that somebody measured, at most.
const LARGEST: u128 = 1_000_000_000_000_000_000;
/// The smallest part that is told apart, as its reciprocal: of a number with 18 places and an exponent.
const TENTH: u128 = 1_000_000_000_000_000_000_000_000_000_000_000_000;

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    /// By whole parts, then by the reciprocals of what is left, as in Euclid's algorithm: no product that could overflow.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut one, mut two) = (*self, *other);
        let mut turned = false;
        loop {
            let wholes = (one.numerator / one.denominator).cmp(&(two.numerator / two.denominator));
            let (rest_one, rest_two) = (one.numerator % one.denominator, two.numerator % two.denominator);
            let found = match (wholes, rest_one, rest_two) {
                (Ordering::Equal, 0, 0) => Some(Ordering::Equal),
                (Ordering::Equal, 0, _) => Some(Ordering::Less),
                (Ordering::Equal, _, 0) => Some(Ordering::Greater),
                (Ordering::Equal, _, _) => None,
                (unequal, _, _) => Some(unequal),
            };
            if let Some(found) = found {
                return if turned { found.reverse() } else { found };
            }
            one = Self { numerator: one.denominator, denominator: rest_one };
            two = Self { numerator: two.denominator, denominator: rest_two };
            turned = !turned;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ratio(text: &str) -> Ratio {
        Ratio::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (text, other) in
            [("0.80", "0.8"), ("1e3", "1000"), ("12.5e-1", "1.25"), ("007", "7"), ("0.0", "0")]
        {
            assert_eq!(ratio(text), ratio(other));
        }
        for none in ["", "-1", ".5", "1.2.3", "NaN", "inf", "1e99", "1e-99", "0x1", "1_000", "+1", "1e+3e"] {
            assert!(Ratio::parse(none).is_none(), "{none}");
        }
        assert_eq!(Ratio::from_f64(0.1), Some(ratio("0.1")));
        assert!(Ratio::from_f64(f64::NAN).is_none() && Ratio::from_f64(-0.5).is_none());
    }

    #[test]
    fn what_is_shown_never_looks_like_the_limit() {
        let limit = ratio("80");
        let percent = |part, all| Ratio::of(part, all).unwrap().times(100).unwrap();
        assert_eq!(percent(7_999, 10_000).beside(limit), "79.99");
        assert_eq!(percent(799_999_999, 1_000_000_000).beside(limit), "79.99");
        assert_eq!(percent(800_000_001, 1_000_000_000).beside(limit), "80.0000001");
        assert_eq!(percent(4, 5).beside(limit), "80");
        assert_eq!(percent(1, 3).beside(limit), "33.33");
        assert_eq!(ratio("7.0000000001").beside(ratio("7")), "7.0000000001");
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_products(a in 0..u64::MAX, b in 1..u64::MAX, c in 0..u64::MAX, d in 1..u64::MAX) {
            let (one, two) = (Ratio::of(a, b).unwrap(), Ratio::of(c, d).unwrap());
            prop_assert_eq!(one.cmp(&two), (u128::from(a) * u128::from(d)).cmp(&(u128::from(c) * u128::from(b))));
        }
    }
}
