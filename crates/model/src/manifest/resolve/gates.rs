//! The gates of an environment: those of the manifest, and key by key what the environment says over them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{CustomGate, Gate, Gates, GatesSettings};

/// The gates with an environment's overrides. A gate that nobody gives a condition is a mistake.
pub(super) fn gates(
    lower: Option<&GatesSettings>,
    upper: Option<&GatesSettings>,
    problems: &mut Vec<Diagnostic>,
) -> Gates {
    let nothing = GatesSettings::default();
    let (lower, upper) = (lower.unwrap_or(&nothing), upper.unwrap_or(&nothing));
    let mut gates = Gates::default();
    for (metric, (lower, upper)) in paired(&lower.metrics, &upper.metrics) {
        macro_rules! setting {
            ($key:ident) => {
                upper.and_then(|it| it.$key.as_ref()).or_else(|| lower.and_then(|it| it.$key.as_ref()))
            };
        }
        let Some(condition) = setting!(condition) else {
            let span = upper.or(lower).map_or(0..0, |settings| settings.span.clone());
            problems.push(missing(metric.as_str(), "condition", &span, metric.example()));
            continue;
        };
        let gate = Gate {
            condition: condition.value.clone(),
            required: setting!(required).is_none_or(|it| it.value),
            max_age: setting!(max_age).map(|it| it.value),
            min_requests: setting!(min_requests).map_or(Gate::MIN_REQUESTS, |it| it.value),
        };
        gates.metrics.insert(*metric, gate);
    }
    for (name, (lower, upper)) in paired(&lower.custom, &upper.custom) {
        macro_rules! setting {
            ($key:ident) => {
                upper.and_then(|it| it.$key.as_ref()).or_else(|| lower.and_then(|it| it.$key.as_ref()))
            };
        }
        let span = upper.or(lower).map_or(0..0, |settings| settings.span.clone());
        let (value, condition) = (setting!(value), setting!(condition));
        if value.is_none() {
            problems.push(missing(name, "value", &span, "reports/size.json:$.total"));
        }
        if condition.is_none() {
            problems.push(missing(name, "condition", &span, "value < 300000"));
        }
        let Some((value, condition)) = value.zip(condition) else { continue };
        let gate = CustomGate {
            path: value.value.path.clone(),
            place: value.value.place.clone(),
            condition: condition.value.clone(),
            required: setting!(required).is_none_or(|it| it.value),
            max_age: setting!(max_age).map(|it| it.value),
        };
        gates.custom.insert(name.clone(), gate);
    }
    gates
}

/// What both say, by name.
fn paired<'a, K: Ord, V>(
    lower: &'a BTreeMap<K, V>,
    upper: &'a BTreeMap<K, V>,
) -> BTreeMap<&'a K, (Option<&'a V>, Option<&'a V>)> {
    lower.keys().chain(upper.keys()).map(|name| (name, (lower.get(name), upper.get(name)))).collect()
}

fn missing(gate: &str, key: &str, span: &Range<usize>, example: &str) -> Diagnostic {
    Diagnostic::new(Code::MissingKey, span, format!("the gate `{gate}` has no `{key}`"))
        .label(format!("write {key} = \"{example}\""))
}
