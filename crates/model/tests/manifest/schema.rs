//! The JSON Schema takes what the reader takes, and refuses the plain mistakes too.

use bascule_model::manifest::schema;
use serde_json::{Map, Value, json};

/// Checks a value against the parts of JSON Schema that the manifest's uses, but for `pattern`.
fn mistakes(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"));
        mistakes(root, target, value, at, found);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if schema.get("type").is_some_and(|wanted| wanted != kind) {
        found.push(format!("{at}: {kind}"));
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        found.push(format!("{at}: {value}"));
    }
    if let Some(number) = value.as_i64() {
        let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
        if bound("minimum").is_some_and(|least| number < least)
            || bound("maximum").is_some_and(|most| number > most)
        {
            found.push(format!("{at}: {number}"));
        }
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let fits = |choice: &Value| {
            let mut found = Vec::new();
            mistakes(root, choice, value, at, &mut found);
            found.is_empty()
        };
        if !choices.iter().any(fits) {
            found.push(format!("{at}: none of them"));
        }
    }
    if let (Some(items), Some(elements)) = (schema.get("items"), value.as_array()) {
        for (n, element) in elements.iter().enumerate() {
            mistakes(root, items, element, &format!("{at}[{n}]"), found);
        }
    }
    if let Some(object) = value.as_object() {
        object_mistakes(root, schema, object, at, found);
    }
}

fn object_mistakes(
    root: &Value,
    schema: &Value,
    object: &Map<String, Value>,
    at: &str,
    found: &mut Vec<String>,
) {
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !object.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at}: no {name}"));
        }
    }
    let by_pattern =
        schema.get("patternProperties").and_then(Value::as_object).and_then(|p| p.values().next());
    for (name, value) in object {
        let known = schema.get("properties").and_then(|properties| properties.get(name));
        match known.or(by_pattern).or(schema.get("additionalProperties").filter(|other| other.is_object())) {
            Some(schema) => mistakes(root, schema, value, &format!("{at}.{name}"), found),
            None if schema.get("additionalProperties") == Some(&json!(false)) => {
                found.push(format!("{at}: {name}?"));
            }
            None => {}
        }
    }
}

fn mistakes_in(source: &str) -> Vec<String> {
    let value = serde_json::to_value(toml::from_str::<toml::Table>(source).unwrap()).unwrap();
    let schema = schema();
    let mut found = Vec::new();
    mistakes(&schema, &schema, &value, "", &mut found);
    found
}

#[test]
fn the_schema_takes_the_manifest_that_says_everything() {
    assert_eq!(mistakes_in(include_str!("../everything.toml")), Vec::<String>::new());
    assert_eq!(mistakes_in(include_str!("../example.toml")), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_the_plain_mistakes() {
    let source = "aap = 1\n[services.web]\ncomand = []\nport = 70000\nhealth.healthy_after = 0\nstop.signal = 'SIGX'\n\
                  [[verify]]\nget = 3\n[environments.staging]\nservices.web.drian = '1s'\nrollout.keep = 'x'\n";
    let mut found = mistakes_in(source);
    found.sort();
    insta::assert_snapshot!("schema__mistakes", serde_json::to_string_pretty(&found).unwrap());
}

#[test]
fn the_schema_is_as_it_was() {
    insta::assert_snapshot!("schema", serde_json::to_string_pretty(&schema()).unwrap());
}

#[test]
fn every_key_is_described_and_none_is_null() {
    fn walk(value: &Value, at: &str) {
        // Among properties, `type` is a key of the manifest.
        let is_schema = !at.ends_with(".properties");
        assert!(!is_schema || value.get("type").is_none_or(Value::is_string), "{at}: {value}");
        for (name, property) in value.get("properties").and_then(Value::as_object).into_iter().flatten() {
            assert!(property.get("description").is_some(), "{at}.{name} has no description");
        }
        let object = value.as_object().into_iter().flatten();
        for (key, value) in object {
            walk(value, &format!("{at}.{key}"));
        }
        for element in value.as_array().into_iter().flatten() {
            walk(element, at);
        }
    }
    walk(&schema(), "");
}

#[test]
fn the_defaults_in_the_schema_are_those_that_hold() {
    let source = "app = \"a\"\nservices.web = { command = \"./a\", port = 1, health.path = \"/\" }\nenvironments.local = {}\n\
                  verify = [{ name = \"x\", get = \"/\", expect = { status = 200 }, retries = 1 }]\n";
    let manifest = bascule_model::manifest::parse(source, "bascule.toml").unwrap();
    let environment = bascule_model::manifest::resolve(&manifest, "local", &|_| None, None).unwrap();
    let environment = serde_json::to_value(environment).unwrap();
    let schema = schema();
    let places = [
        ("Rollout", "/rollout"),
        ("Environment", ""),
        ("Service", "/services/web"),
        ("Service", "/services/web/traffic"),
        ("Stop", "/services/web/stop"),
        ("Health", "/services/web/health"),
        ("Expect", "/verify/0/expect"),
        ("Check", "/verify/0/retry"),
    ];
    let mut seen = 0;
    for (section, place) in places {
        let properties =
            schema.pointer(&format!("/$defs/{section}/properties")).unwrap().as_object().unwrap();
        let held = environment.pointer(place).unwrap();
        for (key, property) in properties {
            if let Some((default, holds)) = property.get("default").zip(held.get(key)) {
                assert_eq!(default, holds, "{section}.{key}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 11 + 3 + 2 + 1 + 2 + 5 + 1 + 1);
}
