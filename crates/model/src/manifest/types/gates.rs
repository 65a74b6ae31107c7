//! Gates as they hold in an environment: what has to be seen before something goes on.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::build::RelativePath;
use crate::expression::Expression;
use crate::manifest::json_path::JsonPath;
use crate::units::{Duration, Ratio};

/// The gates of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gates {
    /// Those over what every report of a kind has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<Metric, Gate>,
    /// Those over a value of the project's own, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, CustomGate>,
}

impl Gates {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty() && self.custom.is_empty()
    }
}

/// What a gate looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The share of all lines that tests went through.
    Coverage,
    /// The share of the changed lines that tests went through.
    NewCoverage,
    /// How many tests failed.
    Tests,
    /// The security score, 0 to 10.
    SecurityScore,
    /// How many findings are critical.
    Critical,
    /// How many findings are high.
    High,
    /// How many findings are medium.
    Medium,
    /// The 95th percentile of the response time.
    P95,
    /// The share of failed requests.
    ErrorRate,
}

impl Metric {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Coverage,
        Self::NewCoverage,
        Self::Tests,
        Self::SecurityScore,
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::P95,
        Self::ErrorRate,
    ];

    /// The key in `[gates]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coverage => "coverage",
            Self::NewCoverage => "new_coverage",
            Self::Tests => "tests",
            Self::SecurityScore => "security_score",
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::P95 => "p95",
            Self::ErrorRate => "error_rate",
        }
    }

    /// What its limit is counted in.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Coverage | Self::NewCoverage | Self::ErrorRate => Unit::Percent,
            Self::P95 => Unit::Milliseconds,
            Self::SecurityScore => Unit::Score,
            Self::Tests | Self::Critical | Self::High | Self::Medium => Unit::Count,
        }
    }

    /// Whether it is measured over requests.
    #[must_use]
    pub fn counts_requests(self) -> bool {
        matches!(self, Self::P95 | Self::ErrorRate)
    }

    /// A condition as one writes it, for messages.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::Coverage => ">= 80%",
            Self::NewCoverage => ">= 90%",
            Self::Tests => "no failures",
            Self::SecurityScore => ">= 7",
            Self::Critical | Self::High | Self::Medium => "== 0",
            Self::P95 => "<= 2000ms",
            Self::ErrorRate => "<= 0.1%",
        }
    }
}

/// What a limit is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hundredths, `80%`, 0 to 100.
    Percent,
    /// A length of time in milliseconds.
    Milliseconds,
    /// A number from 0 to 10.
    Score,
    /// A whole number.
    Count,
}

/// A gate over a metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// What has to hold.
    pub condition: Condition,
    /// Whether nothing passes without it.
    pub required: bool,
    /// Older evidence counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// With fewer requests there is no data; for metrics over requests.
    pub min_requests: u64,
}

impl Gate {
    /// What `min_requests` is when the manifest does not say.
    pub const MIN_REQUESTS: u64 = 100;
}

/// A gate over a value of a report of the project's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomGate {
    /// The report's path in the checkout.
    pub path: RelativePath,
    /// Where the value stands in it.
    pub place: JsonPath,
    /// What has to hold of `value`.
    pub condition: Expression,
    /// Whether nothing passes without it.
    pub required: bool,
    /// Older evidence counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
}

/// How a value is compared with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// The signs, the longer ones first.
const OPERATORS: [(&str, Operator); 6] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Operator {
    /// Whether it holds between a value and a limit.
    #[must_use]
    pub fn holds(self, value: Ratio, limit: Ratio) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::Equal => value == limit,
            Self::Unequal => value != limit,
            Self::AtLeast => value >= limit,
            Self::Greater => value > limit,
        }
    }
}

/// What has to hold of a metric: `>= 80%`, `no failures`, `<= 2000ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    /// How value and limit are compared.
    pub operator: Operator,
    /// The limit: hundredths, milliseconds, or a number.
    pub limit: Ratio,
    /// What it is counted in; the two kinds of plain number are told apart by the metric.
    pub unit: Unit,
    text: String,
}

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not a condition: write >=, <=, ==, !=, < or > and a limit with its unit, as in \">= 80%\""
)]
pub struct BadCondition {
    /// The refused text.
    pub given: String,
}

impl Condition {
    /// Whether it holds of a value in its unit.
    #[must_use]
    pub fn holds(&self, value: Ratio) -> bool {
        self.operator.holds(value, self.limit)
    }

    /// The condition as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it says something of this metric: the unit is right, and the limit is one that a value can have.
    #[must_use]
    pub fn fits(&self, metric: Metric) -> bool {
        let within = |most: u64| self.limit <= Ratio::whole(most);
        if self.text == NO_FAILURES {
            return metric == Metric::Tests;
        }
        match metric.unit() {
            Unit::Percent => self.unit == Unit::Percent && within(100),
            Unit::Milliseconds => self.unit == Unit::Milliseconds,
            Unit::Score => self.unit == Unit::Count && within(10),
            Unit::Count => self.unit == Unit::Count && self.limit.floor().1 == crate::units::Whole::Exact,
        }
    }
}

/// The condition of tests in words.
const NO_FAILURES: &str = "no failures";

impl FromStr for Condition {
    type Err = BadCondition;

    fn from_str(given: &str) -> Result<Self, BadCondition> {
        let refuse = || BadCondition { given: given.chars().take(80).collect() };
        let text = given.split_whitespace().collect::<Vec<_>>().join(" ");
        if text == NO_FAILURES {
            return Ok(Self { operator: Operator::Equal, limit: Ratio::ZERO, unit: Unit::Count, text });
        }
        let (sign, operator) =
            OPERATORS.iter().find(|(sign, _)| text.starts_with(sign)).ok_or_else(refuse)?;
        let limit = text[sign.len()..].trim_start();
        let (limit, unit) = if let Some(percent) = limit.strip_suffix('%') {
            (decimal(percent.trim_end()), Unit::Percent)
        } else if limit.ends_with(|c: char| c.is_ascii_alphabetic()) {
            let length = limit.replace(' ', "").parse::<Duration>().ok();
            (length.map(|length| Ratio::whole(length.milliseconds())), Unit::Milliseconds)
        } else {
            (decimal(limit), Unit::Count)
        };
        Ok(Self { operator: *operator, limit: limit.ok_or_else(refuse)?, unit, text })
    }
}

/// A number without an exponent, of at most 15 digits before the point and 9 behind it.
fn decimal(text: &str) -> Option<Ratio> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.ends_with('.');
    (is_plain && whole.len() <= 15 && part.len() <= 9).then(|| Ratio::parse(text)).flatten()
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for Condition {
    type Error = BadCondition;
    fn try_from(text: String) -> Result<Self, BadCondition> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.text
    }
}

/// Where the value of a custom gate stands: a report's path and a place in it, `reports/size.json:$.total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuePlace {
    /// The report's path in the checkout.
    pub path: RelativePath,
    /// Where the value stands in it.
    pub place: JsonPath,
}

/// A text that names no value of a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} names no value: write a report's path, a colon and a JSON path, as in \"reports/size.json:$.total\""
)]
pub struct BadValuePlace {
    /// The refused text.
    pub given: String,
}

impl FromStr for ValuePlace {
    type Err = BadValuePlace;

    fn from_str(text: &str) -> Result<Self, BadValuePlace> {
        let found = text.split_once(":$").and_then(|(path, place)| {
            Some(Self { path: path.trim().parse().ok()?, place: format!("${}", place.trim()).parse().ok()? })
        });
        found.ok_or_else(|| BadValuePlace { given: text.chars().take(80).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> Condition {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_condition_is_exact() {
        let percent = |part, all| Ratio::of(part, all).unwrap().times(100).unwrap();
        let coverage = condition(">=80%");
        assert!(coverage.holds(percent(8_000, 10_000)));
        assert!(!coverage.holds(percent(7_999, 10_000)));
        assert!(!coverage.holds(percent(7_999_999_999_999_999, 10_000_000_000_000_000)));
        assert!(condition("<= 0.1%").holds(percent(1, 1_000)));
        assert!(!condition("<= 0.1%").holds(percent(1_000_001, 1_000_000_000)));
        assert!(condition("<= 2s").holds(Ratio::parse("2000.0").unwrap()));
        assert!(!condition("<= 2000ms").holds(Ratio::parse("2000.0000001").unwrap()));
        assert!(
            condition("no  failures").holds(Ratio::ZERO) && !condition("no failures").holds(Ratio::whole(1))
        );
        assert_eq!(condition(">=80%").to_string(), ">=80%");
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for bad in [
            "",
            "80%",
            "=> 80%",
            "= 80%",
            ">= ",
            ">= x",
            ">= -1",
            ">= 80 %%",
            ">= 1e3",
            ">= 80.",
            "<= 5 lightyears",
            "no failure",
            ">= 1234567890123456",
            "<= 0.1234567890%",
        ] {
            assert!(bad.parse::<Condition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_condition_fits_its_metric() {
        for metric in Metric::ALL {
            assert!(condition(metric.example()).fits(metric), "{}", metric.as_str());
        }
        for (text, metric) in [
            (">= 80", Metric::Coverage),
            (">= 101%", Metric::Coverage),
            (">= 11", Metric::SecurityScore),
            ("== 0%", Metric::Critical),
            ("<= 0.5", Metric::Critical),
            ("<= 2000", Metric::P95),
            ("<= 2s", Metric::ErrorRate),
            ("no failures", Metric::Critical),
        ] {
            assert!(!condition(text).fits(metric), "{text}");
        }
    }

    #[test]
    fn a_place_is_a_path_and_a_json_path() {
        let place: ValuePlace = "reports/a:b.json:$.total[0]".parse().unwrap();
        assert_eq!((place.path.as_str(), place.place.as_str()), ("reports/a:b.json", "$.total[0]"));
        for bad in ["", "a.json", "a.json:", "$.a", ":$.a", "../a.json:$.a", "/a.json:$.a", "a.json:$.."] {
            assert!(bad.parse::<ValuePlace>().is_err(), "{bad}");
        }
    }
}
