//! What scanners found, over all reports.

use std::collections::BTreeMap;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Hardly worth a word.
    Low,
    /// To be mended some day.
    Medium,
    /// To be mended now.
    High,
    /// Nothing goes on with it.
    Critical,
}

impl Severity {
    /// From a base score of CVSS, 0 to 10; none below 0.1.
    #[must_use]
    pub fn of_score(score: f64) -> Option<Self> {
        match score {
            9.0.. => Some(Self::Critical),
            7.0..9.0 => Some(Self::High),
            4.0..7.0 => Some(Self::Medium),
            0.1..4.0 => Some(Self::Low),
            _ => None,
        }
    }

    /// From the words that tools use; the outer none: it is no such word, the inner one: it is no finding.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Option<Self>> {
        Some(match word.to_ascii_lowercase().as_str() {
            "critical" | "blocker" => Some(Self::Critical),
            "high" | "error" | "important" | "serious" => Some(Self::High),
            "medium" | "moderate" | "warning" | "unknown" => Some(Self::Medium),
            "low" | "note" | "info" | "informational" | "minor" | "negligible" => Some(Self::Low),
            "none" => None,
            _ => return None,
        })
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Why a finding counts for less in the security score than its severity says. The more it takes off, the further down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Discount {
    /// It does not.
    None,
    /// The scanner itself is not sure.
    LowConfidence,
    /// It is in what only building and testing need.
    DevelopmentOnly,
    /// Nobody can mend it yet.
    NoFix,
}

impl Discount {
    /// What its weight is multiplied with.
    #[must_use]
    pub fn factor(self) -> f64 {
        match self {
            Self::None => 1.0,
            Self::LowConfidence => 0.7,
            Self::DevelopmentOnly | Self::NoFix => 0.4,
        }
    }

    /// The words for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::LowConfidence => "the scanner is not sure",
            Self::DevelopmentOnly => "for development only",
            Self::NoFix => "no fix yet",
        }
    }
}

/// One thing that a scanner found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The tool.
    pub tool: String,
    /// The rule, or the number of the vulnerability.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// What speaks for it.
    pub discount: Discount,
    /// The file or the package.
    pub place: String,
    /// The line, from 1; 0: of the whole.
    pub line: u32,
}

impl Finding {
    /// The severity whose band it can bring a score into: one that counts for less than half is one lower.
    #[must_use]
    pub fn band(&self) -> Severity {
        match self.severity {
            severity if self.discount.factor() >= 0.5 => severity,
            Severity::Critical => Severity::High,
            Severity::High => Severity::Medium,
            Severity::Medium | Severity::Low => Severity::Low,
        }
    }
}

/// All findings, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(BTreeMap<(String, String, u32), Finding>);

impl Findings {
    /// Adds one. Of the same rule in the same place, the worse one stays: what speaks for it has to be said by all.
    pub fn add(&mut self, finding: Finding) {
        let key = (finding.rule.clone(), finding.place.clone(), finding.line);
        match self.0.get_mut(&key) {
            Some(known) => {
                let discount = known.discount.min(finding.discount);
                if known.severity < finding.severity {
                    *known = finding;
                }
                known.discount = discount;
            }
            None => {
                self.0.insert(key, finding);
            }
        }
    }

    /// Adds another report.
    pub fn merge(&mut self, other: Self) {
        other.0.into_values().for_each(|finding| self.add(finding));
    }

    /// How many are of that severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.0.values().filter(|finding| finding.severity == severity).count() as u64
    }

    /// How many have that discount.
    #[must_use]
    pub fn discounted(&self, discount: Discount) -> u64 {
        self.0.values().filter(|finding| finding.discount == discount).count() as u64
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.values()
    }

    /// The worst ones of at least that severity, the worst first; of those that are as bad, first what can be mended.
    #[must_use]
    pub fn worst(&self, least: Severity, count: usize) -> Vec<&Finding> {
        let mut all: Vec<_> = self.0.values().filter(|finding| finding.severity >= least).collect();
        all.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.discount));
        all.truncate(count);
        all
    }
}
