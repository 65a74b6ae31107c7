//! From YAML to the JSON that an API server takes, as the tools of Kubernetes read it (YAML 1.1): plain words are numbers, truth values
//! and nothing, and `0644` is octal. What those tools and others read differently is refused.

use serde_json::{Map, Number, Value as Json};

use crate::error::YamlError;
use crate::tree::{Node, Style, Value};

/// Words that are truth values for some and texts for others.
const AMBIGUOUS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// The node as JSON.
///
/// # Errors
/// A word that means one thing here and another one there, or a number that JSON does not have.
pub fn to_json(node: &Node) -> Result<Json, YamlError> {
    match &node.value {
        Value::Null => Ok(Json::Null),
        Value::List(elements) => elements.iter().map(to_json).collect::<Result<_, _>>().map(Json::Array),
        Value::Map(entries) => {
            let fields = entries.iter().map(|(name, node)| Ok((name.clone(), to_json(node)?)));
            fields.collect::<Result<Map<_, _>, YamlError>>().map(Json::Object)
        }
        Value::Text(text) if node.style == Style::Quoted => Ok(Json::String(text.clone())),
        Value::Text(text) => word(text).map_err(|says| YamlError::Shape { line: node.line, says }),
    }
}

fn word(text: &str) -> Result<Json, String> {
    match text {
        "true" | "True" | "TRUE" => return Ok(Json::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Json::Bool(false)),
        _ => {}
    }
    if AMBIGUOUS.contains(&text.to_ascii_lowercase().as_str()) {
        return Err(format!(
            "`{text}` is a truth value for some and a text for others: write true or false, or put it in quotes"
        ));
    }
    if let Some(number) = whole(text) {
        return number.map(Json::Number);
    }
    if is_decimal(text) {
        let number = text.parse().ok().and_then(Number::from_f64);
        return number
            .map(Json::Number)
            .ok_or_else(|| format!("`{text}` is too large a number: put it in quotes"));
    }
    if [".inf", ".nan"].contains(&text.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str()) {
        return Err(format!("`{text}` is no number that can be sent: put it in quotes"));
    }
    Ok(Json::String(text.to_owned()))
}

/// None where the word is no whole number.
fn whole(text: &str) -> Option<Result<Number, String>> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)];
    let (digits, radix) =
        match prefixed.iter().find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix))) {
            Some(found) => found,
            None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
            None => (digits, 10),
        };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix.max(10))) {
        return None;
    }
    let signed = i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().map(Number::from);
    let unsigned = u64::from_str_radix(digits, radix).ok().filter(|_| sign.is_empty()).map(Number::from);
    let why =
        || format!("`{text}` is no whole number that can be sent: put it in quotes where a text is meant");
    Some(signed.or(unsigned).ok_or_else(why))
}

/// `1.5`, `.5`, `1e3`; a whole number was read before.
fn is_decimal(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "1"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !(whole.is_empty() && part.is_empty())
        && digits(whole)
        && digits(part)
        && !exponent.is_empty()
        && digits(exponent)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tree::parse;

    #[test]
    fn words_are_what_the_tools_of_kubernetes_read() {
        for (text, expected) in [
            ("1", json!(1)),
            ("-7", json!(-7)),
            ("0", json!(0)),
            ("0644", json!(420)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("1.2.3", json!("1.2.3")),
            ("1Gi", json!("1Gi")),
            ("100m", json!("100m")),
            ("e", json!("e")),
            (".", json!(".")),
            ("-", json!([null])),
            ("v1", json!("v1")),
            ("10:30", json!("10:30")),
            ("2026-11-27", json!("2026-11-27")),
            ("true", json!(true)),
            ("'true'", json!("true")),
            ("\"1\"", json!("1")),
            ("!!str 1", json!("1")),
            ("~", json!(null)),
            ("", json!(null)),
            ("|\n  a\n  b\n", json!("a\nb\n")),
            ("{a: 1, b: [x, 'y']}", json!({ "a": 1, "b": ["x", "y"] })),
        ] {
            assert_eq!(to_json(&parse(text).unwrap()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_read_in_two_ways_is_refused() {
        for text in
            ["yes", "No", "ON", "off", "y", "08", "099", ".nan", "-.inf", "99999999999999999999", "1e999"]
        {
            let node = parse(&format!("a:\n  b: {text}\n")).unwrap();
            assert!(
                matches!(to_json(&node), Err(YamlError::Shape { line: 2, .. })),
                "{text}: {:?}",
                to_json(&node)
            );
        }
    }
}
