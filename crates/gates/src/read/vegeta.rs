//! vegeta: `report -type=json` and the text of `report`.

use bascule_model::units::Ratio;
use serde_json::Value;

use super::oha::is_good;
use super::{Unreadable, json};
use crate::load::Load;

/// Reads the JSON. Its times are nanoseconds; a request without an answer has the status 0.
pub fn read(document: &Value) -> Result<Load, Unreadable> {
    let requests = json::count(&document["requests"], "requests")?;
    let mut good = 0;
    for (code, count) in document["status_codes"].as_object().into_iter().flatten() {
        if is_good(code) {
            good += json::count(count, "a count of status_codes")?;
        }
    }
    let p95 = document["latencies"]["95th"].as_u64().and_then(|nanos| Ratio::of(nanos, 1_000_000));
    Ok(Load { requests, errors: requests.saturating_sub(good), p95, is_bound: false })
}

/// Reads the text.
pub fn read_text(text: &str) -> Result<Load, Unreadable> {
    let row = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let values = line.and_then(|line| Some(line.split_once(']')?.1.trim()));
        values.ok_or_else(|| Unreadable::new(format!("it has no line `{name}`")))
    };
    let requests = row("Requests")?.split(',').next().unwrap_or_default().trim();
    let requests: u64 =
        requests.parse().map_err(|_| Unreadable::new("its number of requests is no number"))?;
    let mut good: u64 = 0;
    for pair in row("Status Codes")?.split_whitespace() {
        let (code, count) = pair.split_once(':').unwrap_or_default();
        let count: u64 =
            count.parse().map_err(|_| Unreadable::new("a count of its status codes is no number"))?;
        good += if is_good(code) { count } else { 0 };
    }
    // min, mean, 50, 90, 95, 99, max
    let p95 = row("Latencies")?.split(',').nth(4).and_then(|time| milliseconds(time.trim()));
    Ok(Load { requests, errors: requests.saturating_sub(good), p95, is_bound: false })
}

/// A time as Go prints it: `1m2.5s`, `12.345ms`, `980µs`.
pub(super) fn milliseconds(text: &str) -> Option<Ratio> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|at: char| !at.is_ascii_digit() && at != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|at: char| at.is_ascii_digit()).unwrap_or(rest.len());
        sum += number
            * match &rest[..end] {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1_000.0,
                "ms" => 1.0,
                "us" | "µs" | "μs" => 0.001,
                "ns" => 0.000_001,
                _ => return None,
            };
        rest = &rest[end..];
    }
    (!text.is_empty()).then(|| Ratio::from_f64(sum)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_text_say_the_same() {
        let document =
            r#"{"latencies":{"95th":12500000},"requests":100,"status_codes":{"200":97,"500":1,"0":2}}"#;
        let text = "Requests      [total, rate, throughput]         100, 50.0, 48.5\n\
            Duration      [total, attack, wait]             2s, 1.9s, 10ms\n\
            Latencies     [min, mean, 50, 90, 95, 99, max]  1ms, 5ms, 5ms, 10ms, 12.5ms, 20ms, 1.5s\n\
            Success       [ratio]                           97.00%\n\
            Status Codes  [code:count]                      0:2  200:97  500:1  \n";
        let expected = Load { requests: 100, errors: 3, p95: Ratio::parse("12.5"), is_bound: false };
        assert_eq!(read(&json::read(document).unwrap()).unwrap(), expected);
        assert_eq!(read_text(text).unwrap(), expected);
        assert!(read_text("Requests [x] a").is_err());
        assert_eq!(milliseconds("1m2.5s"), Ratio::parse("62500"));
        assert_eq!(milliseconds("980µs"), Ratio::parse("0.98"));
        assert!(milliseconds("12").is_none() && milliseconds("").is_none());
    }
}
