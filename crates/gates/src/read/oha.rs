//! oha: `--output-format json`.

use bascule_model::units::Ratio;
use serde_json::Value;

use super::{Unreadable, json};
use crate::load::Load;

/// Reads one.
pub fn read(document: &Value) -> Result<Load, Unreadable> {
    let (mut requests, mut errors) = (0, 0);
    let codes = document["statusCodeDistribution"].as_object();
    for (code, count) in codes.ok_or_else(|| Unreadable::new("it has no statusCodeDistribution"))? {
        let count = json::count(count, "a count of statusCodeDistribution")?;
        requests += count;
        if !is_good(code) {
            errors += count;
        }
    }
    for (why, count) in document["errorDistribution"].as_object().into_iter().flatten() {
        // These were cut off by the end of the run: nobody knows how they would have ended.
        if why != "aborted due to deadline" {
            let count = json::count(count, "a count of errorDistribution")?;
            requests += count;
            errors += count;
        }
    }
    let p95 = document["latencyPercentiles"]["p95"].as_f64().and_then(Ratio::from_f64);
    Ok(Load { requests, errors, p95: p95.and_then(|seconds| seconds.times(1_000)), is_bound: false })
}

/// Whether a status is a 2xx or 3xx.
pub(super) fn is_good(code: &str) -> bool {
    code.len() == 3 && (code.starts_with('2') || code.starts_with('3'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_statuses_and_connections() {
        let text = r#"{"summary":{"successRate":1.0},"latencyPercentiles":{"p95":0.0125},"statusCodeDistribution":{"200":90,"302":1,"500":4},
            "errorDistribution":{"connection refused":5,"aborted due to deadline":8}}"#;
        let expected = Load { requests: 100, errors: 9, p95: Ratio::parse("12.5"), is_bound: false };
        assert_eq!(read(&json::read(text).unwrap()).unwrap(), expected);
    }
}
