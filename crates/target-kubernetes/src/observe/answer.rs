//! What answers mean. Pure. An answer that can be read in two ways is read in none.

use std::time::Duration;

use bascule_model::evidence::Traffic as Count;
use serde_json::Value;

use super::queries::Figure;

/// Why an answer is no figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server said why it does not answer.
    Refused(String),
    /// No series fits.
    Empty,
    /// `NaN` or an infinity.
    NotANumber(String),
    /// It could mean several things.
    Inconclusive(String),
}

/// The requests of a window, of which `errors` failed and so many took longer than `slow`. `unit`: bounds of buckets in a second.
///
/// # Errors
/// The figure that cannot be told, and why.
pub(super) fn counts(
    requests: &Value,
    errors: &Value,
    latency: &Value,
    slow: Duration,
    unit: f64,
) -> Result<Count, (Figure, Trouble)> {
    let all = number(requests).map_err(|trouble| (Figure::Requests, trouble))?;
    let failed = match number(errors) {
        // Nothing has failed yet: then there is no series of failures.
        Err(Trouble::Empty) => 0.0,
        other => other.map_err(|trouble| (Figure::Errors, trouble))?,
    };
    if all.round() < 1.0 {
        return Ok(Count::default());
    }
    let share =
        slow_share(latency, slow.as_secs_f64() * unit).map_err(|trouble| (Figure::Latency, trouble))?;
    let whole = |figure: f64| figure.round().max(0.0) as u64;
    Ok(Count { requests: whole(all), errors: whole(failed), slow: whole(all * share), ..Count::default() })
}

/// Whether no series fits.
pub(super) fn is_empty(answer: &Value) -> bool {
    samples(answer) == Err(Trouble::Empty)
}

fn samples(answer: &Value) -> Result<Vec<(&Value, f64)>, Trouble> {
    if answer["status"] != "success" {
        let words = answer["error"].as_str().unwrap_or("it does not say why");
        return Err(Trouble::Refused(words.chars().filter(|c| !c.is_control()).take(200).collect()));
    }
    let data = &answer["data"];
    let found: Vec<(&Value, &Value)> = match data["resultType"].as_str() {
        Some("scalar") => vec![(&Value::Null, &data["result"][1])],
        Some("vector") => {
            let series = data["result"].as_array().map(Vec::as_slice).unwrap_or_default();
            series.iter().map(|one| (&one["metric"], &one["value"][1])).collect()
        }
        other => {
            let words = format!("the answer is a {}, not one moment", other.unwrap_or("riddle"));
            return Err(Trouble::Inconclusive(words));
        }
    };
    let number = |(labels, text): (&'_ Value, &Value)| -> Result<f64, Trouble> {
        let _ = labels;
        let text = text.as_str().unwrap_or("nothing");
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| Trouble::NotANumber(text.chars().take(20).collect()))
    };
    let mut all = Vec::new();
    for (labels, text) in found {
        all.push((labels, number((labels, text))?));
    }
    if all.is_empty() { Err(Trouble::Empty) } else { Ok(all) }
}

fn number(answer: &Value) -> Result<f64, Trouble> {
    match samples(answer)?.as_slice() {
        [(_, number)] if *number >= 0.0 => Ok(*number),
        [(_, number)] => Err(Trouble::Inconclusive(format!("{number} is less than nothing"))),
        several => {
            Err(Trouble::Inconclusive(format!("{} series, and none says that it is the sum", several.len())))
        }
    }
}

/// The share of requests that took longer, between two bounds by the straight line.
fn slow_share(answer: &Value, bound: f64) -> Result<f64, Trouble> {
    let mut buckets = Vec::new();
    for (labels, count) in samples(answer)? {
        let le = labels["le"].as_str().and_then(|le| le.replace("+Inf", "inf").parse::<f64>().ok());
        buckets.push((le.ok_or_else(|| Trouble::Inconclusive("a series has no `le`".to_owned()))?, count));
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((_, all)) = buckets.last().copied().filter(|(le, _)| le.is_infinite()) else {
        return Err(Trouble::Inconclusive("there is no bucket without a bound".to_owned()));
    };
    if all <= 0.0 {
        return Err(Trouble::Empty);
    }
    let mut before = (0.0, 0.0);
    for (le, count) in buckets {
        if le >= bound {
            let width = le - before.0;
            let part = if width.is_finite() && width > 0.0 { (bound - before.0) / width } else { 0.0 };
            let within = before.1 + (count - before.1).max(0.0) * part;
            return Ok((1.0 - within / all).clamp(0.0, 1.0));
        }
        before = (le, count);
    }
    Ok(0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SLOW: Duration = Duration::from_secs(1);

    fn vector(values: &[(&str, &str)]) -> Value {
        let series = |(le, value): &(&str, &str)| {
            let metric = if le.is_empty() { json!({}) } else { json!({ "le": le }) };
            json!({ "metric": metric, "value": [1_700_000_000.5, value] })
        };
        let all: Vec<Value> = values.iter().map(series).collect();
        json!({ "status": "success", "data": { "resultType": "vector", "result": all } })
    }

    fn one(value: &str) -> Value {
        vector(&[("", value)])
    }

    fn buckets() -> Value {
        vector(&[("0.5", "80"), ("1.5", "90"), ("+Inf", "100")])
    }

    #[test]
    fn figures_are_counts() {
        let seen = counts(&one("199.6"), &one("3.2"), &buckets(), SLOW, 1.0).unwrap();
        // Half of the way from 80 to 90 of 100: 15 % are slower.
        assert_eq!((seen.requests, seen.errors, seen.slow), (200, 3, 30));
        let in_milliseconds = vector(&[("1000", "99"), ("+Inf", "100")]);
        assert_eq!(counts(&one("100"), &vector(&[]), &in_milliseconds, SLOW, 1000.0).unwrap().slow, 1);
        // Beyond the last bound nobody knows how long they took: all of those count as slow.
        let short = vector(&[("0.1", "60"), ("+Inf", "100")]);
        assert_eq!(counts(&one("100"), &one("0"), &short, SLOW, 1.0).unwrap().slow, 40);
    }

    #[test]
    fn nobody_came_is_no_request_and_no_trouble() {
        assert_eq!(counts(&one("0"), &vector(&[]), &vector(&[]), SLOW, 1.0), Ok(Count::default()));
    }

    #[test]
    fn what_is_no_figure_is_told_in_its_own_words() {
        let refused = json!({ "status": "error", "errorType": "bad_data", "error": "parse error" });
        let matrix = json!({ "status": "success", "data": { "resultType": "matrix", "result": [] } });
        let requests = |answer: &Value| counts(answer, &one("0"), &buckets(), SLOW, 1.0).unwrap_err();
        assert_eq!(requests(&refused), (Figure::Requests, Trouble::Refused("parse error".to_owned())));
        assert_eq!(requests(&vector(&[])), (Figure::Requests, Trouble::Empty));
        assert_eq!(requests(&one("NaN")), (Figure::Requests, Trouble::NotANumber("NaN".to_owned())));
        assert_eq!(requests(&one("+Inf")), (Figure::Requests, Trouble::NotANumber("+Inf".to_owned())));
        for answer in [matrix, vector(&[("", "1"), ("", "2")]), one("-1")] {
            assert!(matches!(requests(&answer), (Figure::Requests, Trouble::Inconclusive(_))), "{answer}");
        }
        let errors = counts(&one("9"), &one("NaN"), &buckets(), SLOW, 1.0).unwrap_err();
        assert_eq!(errors.0, Figure::Errors);
        // Requests without any time are no data, and never fast ones.
        for latency in [vector(&[]), one("5"), vector(&[("0.5", "9")]), vector(&[("+Inf", "0")])] {
            assert_eq!(counts(&one("9"), &one("0"), &latency, SLOW, 1.0).unwrap_err().0, Figure::Latency);
        }
    }
}
