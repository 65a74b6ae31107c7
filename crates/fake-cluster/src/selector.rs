//! Label and field selectors: of requests as text, of objects as JSON.

use serde_json::Value;

use crate::failure::Failure;
use crate::object;

/// A parsed `labelSelector`. Without requirements it matches everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels(Vec<(String, Rule)>);

#[derive(Debug, Clone)]
enum Rule {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
}

impl Rule {
    fn allows(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            // As in the real server, an object without the label matches too.
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
        }
    }
}

impl Labels {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = || Failure::bad_request(format!("unable to parse requirement: {text}"));
        requirements(text)
            .map(|one| requirement(one.trim()).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(key, rule)| rule.allows(object::label(object, key)))
    }
}

/// Splits at commas outside parentheses.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .filter(|one| !one.trim().is_empty())
}

fn requirement(text: &str) -> Option<(String, Rule)> {
    let key = |text: &str| {
        let key = text.trim();
        (!key.is_empty() && !key.contains([' ', '=', '!', '('])).then(|| key.to_owned())
    };
    if let Some((left, right)) = text.split_once("!=") {
        return Some((key(left)?, Rule::NotIn(vec![right.trim().to_owned()])));
    }
    if let Some((left, right)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some((key(left)?, Rule::In(vec![right.trim().to_owned()])));
    }
    if let Some(rest) = text.strip_prefix('!') {
        return Some((key(rest)?, Rule::Missing));
    }
    if let Some((left, right)) = text.split_once('(') {
        let values = right.strip_suffix(')')?.split(',').map(|one| one.trim().to_owned()).collect();
        let mut words = left.split_whitespace();
        let (name, operator) = (words.next()?, words.next()?);
        let rule = match operator {
            "in" => Rule::In(values),
            "notin" => Rule::NotIn(values),
            _ => return None,
        };
        return Some((key(name)?, rule));
    }
    Some((key(text)?, Rule::Exists))
}

/// A parsed `fieldSelector`: `metadata.name=a,involvedObject.uid!=b`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, Wanted, String)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Equal,
    Different,
}

impl Fields {
    /// Reads a selector of fields that objects of this plural can be found by.
    pub(crate) fn parse(text: &str, plural: &str) -> Result<Self, Failure> {
        let wrong = || Failure::bad_request(format!("invalid selector: '{text}'; can't understand it"));
        let one = |part: &str| {
            let (field, wanted, value) = match part.split_once("!=") {
                Some((field, value)) => (field, Wanted::Different, value),
                None => {
                    let (field, value) = part.split_once("==").or_else(|| part.split_once('='))?;
                    (field, Wanted::Equal, value)
                }
            };
            let pointer = field.trim().split('.').map(|step| format!("/{step}")).collect();
            Some((pointer, wanted, value.trim().to_owned()))
        };
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        let parts: Vec<(String, Wanted, String)> =
            parts.map(|part| one(part).ok_or_else(wrong)).collect::<Result<_, _>>()?;
        for (pointer, _, _) in &parts {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            if !is_known(plural, &field) {
                let message = format!("field label not supported: {field}");
                return Err(Failure::bad_request(message));
            }
        }
        Ok(Self(parts))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(pointer, wanted, value)| {
            (object::text(object, pointer) == value) == (*wanted == Wanted::Equal)
        })
    }
}

/// Which fields a kind can be found by.
fn is_known(plural: &str, field: &str) -> bool {
    let more: &[&str] = match plural {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
        "events" => &["reason", "type", "reportingComponent", "source"],
        "secrets" => &["type"],
        "namespaces" => &["status.phase"],
        _ => &[],
    };
    ["metadata.name", "metadata.namespace"].contains(&field)
        || more.contains(&field)
        || plural == "events" && field.starts_with("involvedObject.")
}

/// Whether an object has all these labels. No labels select nothing, as with a Service.
pub(crate) fn has_labels(object: &Value, wanted: &Value) -> bool {
    let Some(wanted) = wanted.as_object() else { return false };
    !wanted.is_empty() && wanted.iter().all(|(key, value)| object::label(object, key) == value.as_str())
}

/// `a=b,c=d` of a map of labels, as `status.selector` of a scale has it.
pub(crate) fn as_text(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten();
    let pairs: Vec<_> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn label_selectors_are_read_as_the_server_reads_them() {
        let pod = json!({"metadata": {"name": "p", "labels": {"app": "shop", "slot": "blue"}}});
        let cases = [
            ("", true),
            ("app=shop", true),
            ("app==shop,slot=blue", true),
            ("app=other", false),
            ("app!=other", true),
            ("slot in (blue, green)", true),
            ("slot in (green)", false),
            ("slot notin (green),app", true),
            ("missing notin (x)", true),
            ("missing", false),
            ("!missing", true),
            ("!app", false),
        ];
        for (text, expected) in cases {
            assert_eq!(Labels::parse(text).expect("it is read").matches(&pod), expected, "{text}");
        }
        for wrong in ["=x", "a b", "a in b", "a near (b)"] {
            assert!(Labels::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn field_selectors() {
        let event = json!({"metadata": {"name": "e"}, "involvedObject": {"name": "p", "uid": "1"}});
        let cases = [
            ("metadata.name=e", true),
            ("metadata.name!=e", false),
            ("involvedObject.name=p,involvedObject.uid==1", true),
            ("involvedObject.uid=2", false),
        ];
        for (text, expected) in cases {
            assert_eq!(
                Fields::parse(text, "events").expect("it is read").matches(&event),
                expected,
                "{text}"
            );
        }
        assert!(Fields::parse("involvedObject.uid=2", "pods").is_err(), "pods have no such field");
    }
}
