//! k6: the file of `--summary-export`, or the data of its `handleSummary`.

use bascule_model::units::Ratio;
use serde_json::Value;

use super::{Unreadable, json};
use crate::load::Load;

/// Reads one.
pub fn read(document: &Value) -> Result<Load, Unreadable> {
    let metric = |name: &str| {
        let metric = &document["metrics"][name];
        if metric["values"].is_object() { &metric["values"] } else { metric }
    };
    let requests = json::count(&metric("http_reqs")["count"], "http_reqs.count")?;
    // Of a rate, `passes` are those of which it is true: here, that they failed.
    let errors = json::count(&metric("http_req_failed")["passes"], "http_req_failed.passes")?;
    let p95 = metric("http_req_duration")["p(95)"].as_f64().and_then(Ratio::from_f64);
    Ok(Load { requests, errors, p95, is_bound: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let flat = r#"{"metrics":{"http_reqs":{"count":200,"rate":9.9},"http_req_failed":{"passes":3,"fails":197,"value":0.015},
            "http_req_duration":{"p(95)":12.5}}}"#;
        let nested = r#"{"metrics":{"http_reqs":{"values":{"count":200}},"http_req_failed":{"values":{"passes":3}},
            "http_req_duration":{"values":{"p(95)":12.5}}}}"#;
        let expected = Load { requests: 200, errors: 3, p95: Ratio::parse("12.5"), is_bound: false };
        for text in [flat, nested] {
            assert_eq!(read(&json::read(text).unwrap()).unwrap(), expected);
        }
        assert!(read(&json::read(r#"{"metrics":{}}"#).unwrap()).is_err());
    }
}
