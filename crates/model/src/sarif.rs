//! What every report of findings for code hosts and editors has in common: SARIF 2.1.0 (OASIS).

use serde_json::{Value, json};

/// The report of one run of this program, which has that version; columns count characters.
#[must_use]
pub fn report(version: &str, rules: &[Value], results: &[Value]) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "bascule", "version": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A path as a relative reference (RFC 3986): what it does not allow is written in percent signs.
#[must_use]
pub fn uri(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_a_reference() {
        assert_eq!(uri("a b/ä#1.sql"), "a%20b/%C3%A4%231.sql");
    }
}
