//! `security_score`, `critical`, `high`, `medium`.

use bascule_model::gate::ReportKind;
use bascule_model::manifest::{Condition, Metric};
use bascule_model::units::Ratio;

use super::{Kept, Seen, read_all, without};
use crate::findings::{Discount, Finding, Findings, Severity};
use crate::read;
use crate::score::{INCOMPLETE, score};

/// So many findings are told.
const TOLD: usize = 3;

/// All reports of scanners as one, and what is wrong with them.
pub(super) struct Evidence<'a> {
    kept: &'a [Kept<'a>],
    all: Findings,
    read: usize,
    bad: Vec<String>,
}

impl<'a> Evidence<'a> {
    /// Reads them.
    pub fn read(kept: &'a [Kept<'a>], root: &str) -> Self {
        let (good, bad) = read_all(kept, |bytes| read::findings(bytes, root));
        let read = good.len();
        let mut all = Findings::default();
        good.into_iter().for_each(|one| all.merge(one));
        Self { kept, all, read, bad }
    }

    /// One of the gates over findings.
    pub fn judge(&self, metric: Metric, condition: &Condition) -> Seen {
        let severity = match metric {
            Metric::Critical => Severity::Critical,
            Metric::High => Severity::High,
            Metric::Medium => Severity::Medium,
            _ => return self.score(condition),
        };
        if let Some(nothing) = without(ReportKind::Security, self.kept, &self.bad) {
            return nothing;
        }
        let count = self.all.count(severity);
        let value = count.to_string();
        let why = format!("{count} {} in {}", findings(count, severity.as_str()), reports(self.read));
        if condition.holds(Ratio::whole(count)) {
            return Seen::pass(value, why);
        }
        let of_severity =
            self.all.worst(severity, usize::MAX).into_iter().filter(|one| one.severity == severity);
        Seen::fail(value, why, mend(&of_severity.collect::<Vec<_>>()))
    }

    fn score(&self, condition: &Condition) -> Seen {
        // With nothing read there is no score; with some missing there is one that cannot be good.
        if let Some(nothing) = without(ReportKind::Security, self.kept, &self.bad).filter(|_| self.read == 0)
        {
            return nothing;
        }
        let complete = score(self.all.iter());
        let value = if self.bad.is_empty() { complete } else { complete.min(INCOMPLETE) };
        let Some(ratio) = Ratio::from_f64(value) else {
            return Seen::nothing("the score could not be counted", "run the scan again");
        };
        let counts = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
            .map(|severity| format!("{} {}", self.all.count(severity), severity.as_str()))
            .join(", ")
            + &self.discounts();
        let shown = format!("{} ({counts})", ratio.beside(condition.limit));
        let mut why =
            format!("the score over {counts} in {} is {}", reports(self.read), ratio.beside(condition.limit));
        if !self.bad.is_empty() {
            why = format!("{why}, at most {INCOMPLETE} because {}", self.bad.join("; "));
        }
        if condition.holds(ratio) {
            return Seen::pass(shown, why);
        }
        let remedy = if self.bad.is_empty() || value < INCOMPLETE {
            mend(&self.all.worst(Severity::Low, usize::MAX))
        } else {
            "have every scanner write its report to its end".to_owned()
        };
        Seen::fail(shown, why, remedy)
    }

    /// What of them counts for less, and why.
    fn discounts(&self) -> String {
        [Discount::NoFix, Discount::DevelopmentOnly, Discount::LowConfidence]
            .into_iter()
            .map(|discount| (self.all.discounted(discount), discount.as_str()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, why)| format!("; {count}: {why}"))
            .collect()
    }
}

fn mend(findings: &[&Finding]) -> String {
    let told = findings.iter().take(TOLD).map(|one| {
        let line = if one.line > 0 { format!(":{}", one.line) } else { String::new() };
        let but = match one.discount {
            Discount::NoFix => format!(" ({})", one.discount.as_str()),
            _ => String::new(),
        };
        format!("{} in {}{line}{but}", one.rule, one.place)
    });
    let told = told.collect::<Vec<_>>().join(", ");
    match findings.len().saturating_sub(TOLD) {
        0 if told.is_empty() => "the condition fits no number of findings".to_owned(),
        0 => format!("mend {told}"),
        more => format!("mend {told} and {more} more"),
    }
}

fn findings(count: u64, severity: &str) -> String {
    format!("{severity} finding{}", if count == 1 { "" } else { "s" })
}

fn reports(count: usize) -> String {
    format!("{count} report{}", if count == 1 { "" } else { "s" })
}
