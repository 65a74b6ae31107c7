//! JSON values as YAML documents, the same bytes each time. Texts are quoted where they could be read as something else.

use serde_json::Value;

/// One document each, with `---` before it.
pub fn documents(values: &[Value]) -> String {
    let mut text = String::new();
    for value in values {
        text.push_str("---\n");
        write(&mut text, value, 0);
    }
    text.trim_end().to_owned()
}

fn write(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                text.push_str(&format!("{indent}{}:", scalar(&Value::String(name.clone()))));
                below(text, member, depth);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                write(&mut inner, item, depth + 1);
                // The first line of an item stands behind its dash.
                text.push_str(&format!("{indent}- {}", inner.trim_start_matches(' ')));
            }
        }
        other => text.push_str(&format!("{indent}{}\n", scalar(other))),
    }
}

/// What stands behind a key.
fn below(text: &mut String, value: &Value, depth: usize) {
    let is_empty = match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    };
    if is_empty {
        text.push_str(&format!(" {}\n", scalar(value)));
    } else {
        text.push('\n');
        let deeper = if value.is_array() { depth } else { depth + 1 };
        write(text, value, deeper);
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        // JSON is YAML.
        other => other.to_string(),
    }
}

/// Whether nobody could take it for anything but this text.
fn is_plain(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_could_be_something_else_is_quoted() {
        let object = json!({
            "kind": "Deployment",
            "metadata": { "labels": { "bascule.dev/app": "shop", "n": "1", "yes": "no" }, "empty": {} },
            "list": [{ "name": "a", "value": "x: y" }, { "name": "b", "deep": [1, "2"] }],
            "none": [],
            "port": 80,
        });
        let expected = r#"---
kind: Deployment
metadata:
  labels:
    bascule.dev/app: shop
    "n": "1"
    "yes": "no"
  empty: {}
list:
- name: a
  value: "x: y"
- name: b
  deep:
  - 1
  - "2"
none: []
port: 80"#;
        assert_eq!(documents(&[object]), expected);
    }
}
