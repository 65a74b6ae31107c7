//! A place in a JSON document, `$.users[0].name`: the part of RFC 9535 that names exactly one place.
//!
//! `$` is the document, `.name` and `["name"]` a member of an object, `[0]` an element of an array (negative: from the end).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A place in a JSON document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(i64),
}

/// A text that names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not a JSON path: begin with $ and go on with .name, [\"name\"] or [0], as in \"$.users[0].name\""
)]
pub struct BadJsonPath {
    /// The refused text.
    pub given: String,
}

impl JsonPath {
    /// The value in this place, if there is one.
    #[must_use]
    pub fn select<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(document, |value, step| match step {
            Step::Member(name) => value.as_object()?.get(name),
            Step::Element(at) => {
                let array = value.as_array()?;
                let from_start = if *at < 0 { i64::try_from(array.len()).ok()? + at } else { *at };
                array.get(usize::try_from(from_start).ok()?)
            }
        })
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// Reads one step off the front.
fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(|c| !is_name_character(c)).unwrap_or(rest.len());
        return (end > 0).then(|| (Step::Member(rest[..end].to_owned()), &rest[end..]));
    }
    let rest = text.strip_prefix('[')?;
    if let Some(quote) = rest.chars().next().filter(|c| *c == '"' || *c == '\'') {
        let (name, rest) = rest[1..].split_once(quote)?;
        return Some((Step::Member(name.to_owned()), rest.strip_prefix(']')?));
    }
    let (number, rest) = rest.split_once(']')?;
    let is_number = number.strip_prefix('-').unwrap_or(number).bytes().all(|b| b.is_ascii_digit());
    Some((Step::Element(number.parse().ok().filter(|_| is_number)?), rest))
}

impl FromStr for JsonPath {
    type Err = BadJsonPath;

    fn from_str(text: &str) -> Result<Self, BadJsonPath> {
        let refuse = || BadJsonPath { given: text.to_owned() };
        let mut rest = text.strip_prefix('$').ok_or_else(refuse)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (next, after) = step(rest).ok_or_else(refuse)?;
            steps.push(next);
            rest = after;
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for JsonPath {
    type Error = BadJsonPath;
    fn try_from(text: String) -> Result<Self, BadJsonPath> {
        text.parse()
    }
}

impl From<JsonPath> for String {
    fn from(path: JsonPath) -> Self {
        path.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn select(path: &str, document: &Value) -> Option<Value> {
        path.parse::<JsonPath>().unwrap().select(document).cloned()
    }

    #[test]
    fn a_path_leads_to_one_place() {
        let document = json!({ "a": { "b": [1, 2, { "c d": null, "é": true }] } });
        assert_eq!(select("$", &document), Some(document.clone()));
        assert_eq!(select("$.a.b[1]", &document), Some(json!(2)));
        assert_eq!(select("$.a[\"b\"][-3]", &document), Some(json!(1)));
        assert_eq!(select("$.a.b[2]['c d']", &document), Some(Value::Null));
        assert_eq!(select("$.a.b[2].é", &document), Some(json!(true)));
        for nowhere in ["$.b", "$.a.b[3]", "$.a.b[-4]", "$.a[0]", "$.a.b.c", "$.a.b[0].x"] {
            assert_eq!(select(nowhere, &document), None, "{nowhere}");
        }
    }

    #[test]
    fn refuses_what_names_no_single_place() {
        for bad in [
            "", "users", ".users", "$users", "$.", "$..a", "$[*]", "$[a]", "$[0", "$[\"a]", "$.a b", "$[+1]",
            "$[]",
        ] {
            assert!(bad.parse::<JsonPath>().is_err(), "{bad}");
        }
    }
}
