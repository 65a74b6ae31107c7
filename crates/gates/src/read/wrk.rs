//! wrk's text. With `--latency` it tells the 99th percentile, and never the 95th: that is at most the 99th.

use super::Unreadable;
use super::vegeta::milliseconds;
use crate::load::Load;

/// Reads one.
pub fn read(text: &str) -> Result<Load, Unreadable> {
    let (mut requests, mut errors, mut p95) = (None, 0, None);
    for line in text.lines().map(str::trim) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [count, "requests", "in", ..] = words[..] {
            requests = count.parse::<u64>().ok();
        } else if let Some(rest) = line.strip_prefix("Socket errors:") {
            let counts =
                rest.split(',').filter_map(|pair| pair.split_whitespace().nth(1)?.parse::<u64>().ok());
            errors += counts.sum::<u64>();
        } else if let Some(rest) = line.strip_prefix("Non-2xx or 3xx responses:") {
            errors += rest
                .trim()
                .parse::<u64>()
                .map_err(|_| Unreadable::new("its number of bad answers is no number"))?;
        } else if let ["99%", time] = words[..] {
            p95 = milliseconds(time);
        }
    }
    if !text.lines().any(|line| line.trim_start().starts_with("Transfer/sec:")) {
        return Err(Unreadable::new("it is cut off: its last line, Transfer/sec, is not there"));
    }
    let Some(answered) = requests else {
        return Err(Unreadable::new("it does not say how many requests there were"));
    };
    Ok(Load { requests: answered.max(errors), errors, p95, is_bound: p95.is_some() })
}

#[cfg(test)]
mod tests {
    use bascule_model::units::Ratio;

    use super::*;

    #[test]
    fn a_run_with_errors() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  Latency Distribution\n     50%    1.00ms\n     99%   12.50ms\n  \
            1000 requests in 1.00s, 1MB read\n  Socket errors: connect 0, read 1, write 0, timeout 2\n  Non-2xx or 3xx responses: 7\nTransfer/sec: 1MB\n";
        let expected = Load { requests: 1_000, errors: 10, p95: Ratio::parse("12.5"), is_bound: true };
        assert_eq!(read(text).unwrap(), expected);
        assert!(read("Running 1s test\n").is_err());
    }
}
