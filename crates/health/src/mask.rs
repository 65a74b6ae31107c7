//! Takes values that nobody may read out of texts that come back.

/// What replaces a value.
const STARS: &str = "***";
/// Values of fewer characters are only taken out where they stand alone: a configured `1` is not every 1.
const SHORT: usize = 4;

/// The values to take out.
#[derive(Default)]
pub(crate) struct Mask {
    /// The longest first, so that no rest of one is left by a part of it.
    values: Vec<String>,
}

impl Mask {
    pub(crate) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut mask = Self::default();
        for value in values {
            mask.add(&value);
        }
        mask.values.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        mask.values.dedup();
        mask
    }

    /// The value, its lines and words (`Bearer <token>` comes back as the token), and each as JSON writes it.
    fn add(&mut self, value: &str) {
        let value = value.trim();
        let words = value.split_whitespace().filter(|word| word.chars().count() >= SHORT);
        for text in std::iter::once(value).chain(value.lines().map(str::trim)).chain(words) {
            if text.is_empty() {
                continue;
            }
            let json = serde_json::Value::from(text).to_string();
            let escaped = json[1..json.len() - 1].to_owned();
            if escaped != text {
                self.values.push(escaped);
            }
            self.values.push(text.to_owned());
        }
    }

    pub(crate) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = replace(&text, value);
            }
        }
        text
    }
}

fn replace(text: &str, value: &str) -> String {
    if value.chars().count() >= SHORT {
        return text.replace(value, STARS);
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(value) {
        let (before, after) = (&rest[..at], &rest[at + value.len()..]);
        let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let alone = !joins(before.chars().next_back().or(replaced.chars().next_back()))
            && !joins(after.chars().next());
        replaced.push_str(before);
        replaced.push_str(if alone { STARS } else { value });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

/// The parts of a body that may come back by themselves: texts of a JSON document, values of a form, or all of it.
pub(crate) fn body_values(body: &str) -> Vec<String> {
    let mut values = vec![body.to_owned()];
    match serde_json::from_str(body) {
        Ok(json) => collect(&json, &mut values),
        Err(_) => values.extend(pair_values(body)),
    }
    values
}

/// The values of `a=1&b=2`, as they are and decoded.
pub(crate) fn pair_values(text: &str) -> Vec<String> {
    let values = text.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
    values.flat_map(|value| [value.to_owned(), decoded(value)]).filter(|value| !value.is_empty()).collect()
}

fn collect(json: &serde_json::Value, values: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) => values.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, values)),
        serde_json::Value::Object(members) => members.values().for_each(|item| collect(item, values)),
        serde_json::Value::Number(number) => values.push(number.to_string()),
        serde_json::Value::Null | serde_json::Value::Bool(_) => {}
    }
}

/// Percent-decoded; what is not valid stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.filter(|_| *first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(values: &[&str], text: &str) -> String {
        Mask::new(values.iter().map(|value| (*value).to_owned())).apply(text)
    }

    #[test]
    fn values_are_taken_out_in_each_form_they_come_back_in() {
        for (value, text, expected) in [
            ("Bearer s3cr3t-token", "you sent Bearer s3cr3t-token", "you sent ***"),
            ("Bearer s3cr3t-token", "token s3cr3t-token is wrong", "token *** is wrong"),
            ("pass\"word\\", r#"{"got":"pass\"word\\"}"#, r#"{"got":"***"}"#),
            ("-----BEGIN\nline-one\nline-two", "line-two\n-----BEGIN", "***\n***"),
            ("1", "1 of 11 a1 1", "*** of 11 a1 ***"),
            ("", "nothing", "nothing"),
            ("abc", "abcd abc-def", "abcd ***-def"),
        ] {
            assert_eq!(masked(&[value], text), expected, "{value}");
        }
        assert_eq!(masked(&["secret", "secret-long"], "secret-long secret"), "*** ***");
    }

    #[test]
    fn a_body_is_taken_apart() {
        // The members' order is the parser's affair.
        let parts = |body: &str| {
            let mut values = body_values(body);
            assert_eq!(values.remove(0), body);
            values.sort();
            values
        };
        assert_eq!(parts(r#"{"user":"ada","n":[17,true],"p":{"pass":"x y"}}"#), ["17", "ada", "x y"]);
        assert_eq!(parts("user=ada&pass=a%20b%zz+c"), ["a b%zz c", "a%20b%zz+c", "ada", "ada"]);
    }
}
