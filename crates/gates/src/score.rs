//! The security score, 0 to 10: banded by the worst finding, weighted inside of its band.

use crate::findings::{Finding, Severity};

/// A score that was asked of sources of which one did not answer is at most this.
pub const INCOMPLETE: f64 = 6.9;

/// The score over these findings.
#[must_use]
pub fn score<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> f64 {
    let counted: Vec<_> = findings.into_iter().map(|one| (one.band(), weight(one))).collect();
    let Some(worst) = counted.iter().map(|(band, _)| *band).max() else { return 10.0 };
    let (low, high) = match worst {
        Severity::Critical => (0.0, 3.9),
        Severity::High => (4.0, 6.9),
        Severity::Medium => (7.0, 8.9),
        Severity::Low => (9.0, 9.9),
    };
    let sum: f64 = counted.iter().map(|(_, weight)| weight).sum();
    let heaviest =
        counted.iter().filter(|(band, _)| *band == worst).map(|(_, weight)| *weight).fold(0.0, f64::max);
    low + (high - low) / (1.0 + (sum - heaviest) / 20.0)
}

fn weight(finding: &Finding) -> f64 {
    let of_severity = match finding.severity {
        Severity::Critical => 10.0,
        Severity::High => 7.5,
        Severity::Medium => 5.0,
        Severity::Low => 2.5,
    };
    of_severity * finding.discount.factor()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::findings::Discount;
    use Severity::{Critical, High, Low, Medium};

    fn found(severity: Severity, discount: Discount) -> Finding {
        let (tool, rule, place) = ("scan".to_owned(), "RULE".to_owned(), "place".to_owned());
        Finding { tool, rule, severity, discount, place, line: 0 }
    }

    #[test]
    fn scores_of_usual_sets() {
        let many = |severity, count| vec![found(severity, Discount::None); count];
        let unfixed = |severity, count| vec![found(severity, Discount::NoFix); count];
        let beside: Vec<_> = unfixed(High, 3).into_iter().chain(unfixed(Low, 60)).collect();
        let mixed: Vec<_> = many(Critical, 1).into_iter().chain(many(High, 20)).collect();
        for (findings, expected) in [
            (vec![], 10.0),
            (many(Low, 1), 9.9),
            (many(Medium, 1), 8.9),
            (many(Medium, 10), 7.58),
            (many(Medium, 100), 7.07),
            (many(High, 1), 6.9),
            (many(High, 5), 5.16),
            (many(Critical, 1), 3.9),
            (mixed, 0.46),
            (unfixed(High, 1), 8.9),
            (unfixed(Critical, 1), 6.9),
            (beside, 7.44),
            (vec![found(Critical, Discount::LowConfidence)], 3.9),
            (vec![found(Medium, Discount::DevelopmentOnly)], 9.9),
        ] {
            let seen = score(&findings);
            assert!((seen - expected).abs() < 0.01, "{findings:?}: {seen}, not {expected}");
        }
    }

    fn one() -> impl Strategy<Value = Finding> {
        use Discount::{DevelopmentOnly, LowConfidence, NoFix};
        let severity = prop::sample::select(vec![Low, Medium, High, Critical]);
        let discount = prop::sample::select(vec![Discount::None, LowConfidence, DevelopmentOnly, NoFix]);
        (severity, discount).prop_map(|(severity, discount)| found(severity, discount))
    }

    proptest! {
        #[test]
        fn another_finding_never_raises_it_and_one_less_never_lowers_it(
            before in prop::collection::vec(one(), 0..60),
            more in one()
        ) {
            let mut after = before.clone();
            after.push(more);
            // Sums of fractions: the last digits of two ways to add up may differ.
            prop_assert!(score(&after) <= score(&before) + 1e-9);
        }
    }
}
