//! What only stands for a secret: variables, examples, fillers.

/// Parts of words that nobody has in a real secret.
const SAYING: [&str; 38] = [
    "example",
    "changeme",
    "change_me",
    "change-me",
    "change-this",
    "placeholder",
    "dummy",
    "sample",
    "redacted",
    "your_",
    "your-",
    "yourpass",
    "yoursecret",
    "yourtoken",
    "mypass",
    "mysecret",
    "mytoken",
    "xxxx",
    "****",
    "....",
    "todo",
    "fixme",
    "insert",
    "replace",
    "notasecret",
    "not-a-secret",
    "foobar",
    "123456789",
    "0123456",
    "abcdef",
    "qwert",
    "password",
    "passwd",
    "secret",
    "hunter2",
    "default",
    "test",
    "fake",
];

/// Whether a text that stands where a secret could does not give one away: a variable, a call, a placeholder, an example.
#[must_use]
pub fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let lower = value.to_ascii_lowercase();
    let is_filled_in = value.starts_with('$')
        || value.contains("${")
        || value.contains("{{")
        || value.contains("<%")
        || value.contains("%(")
        || value.contains("$(")
        || (value.starts_with('<') && value.ends_with('>'))
        || (value.starts_with('{') && value.ends_with('}'))
        || (value.starts_with('%') && value.ends_with('%'))
        || (value.starts_with('[') && value.ends_with(']'));
    is_filled_in || SAYING.iter().any(|word| lower.contains(word)) || is_filler(value)
}

/// Whether a text is made to fill a place: a few characters again and again, or one after the other.
#[must_use]
pub(super) fn is_filler(value: &str) -> bool {
    let bytes = value.as_bytes();
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    let different = seen.iter().filter(|seen| **seen).count();
    let steps =
        bytes.windows(2).filter(|pair| pair[1] == pair[0] || pair[1] == pair[0].wrapping_add(1)).count();
    let lower = value.to_ascii_lowercase();
    different <= 3
        || (bytes.len() > 8 && steps * 2 >= bytes.len())
        || lower.contains("example")
        || lower.contains("xxxxxx")
}
