//! A text under a name: whether the name says that it is a secret, and whether the text could be one.

use super::placeholder::is_placeholder;

/// How much a literal looks like a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// A word, a placeholder, a reference.
    None,
    /// Like something that a person made up.
    Likely,
    /// Like something that a machine made: long, and without order.
    Certain,
}

/// Whether a name, in whichever way it is written (`API_KEY`, `apiKey`, `api-key`), says that its value is a secret.
#[must_use]
pub fn name_says_so(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((last, before)) = words.split_last() else { return false };
    let before = before.last().copied().unwrap_or_default();
    match *last {
        "password" | "passwd" | "pwd" | "passphrase" | "secret" | "secrets" | "token" | "apikey"
        | "secretkey" | "accesskey" | "credential" | "credentials" | "authtoken" | "accesstoken"
        | "privatekey" => true,
        "pass" => words.len() > 1,
        "key" => [
            "api",
            "access",
            "secret",
            "private",
            "auth",
            "encryption",
            "signing",
            "master",
            "account",
            "storage",
            "service",
            "app",
        ]
        .contains(&before),
        "base" => words.ends_with(&["secret", "key", "base"]),
        "salt" => words.len() > 1,
        _ => false,
    }
}

fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            words.push(String::new());
            was_lower = false;
            continue;
        }
        if (c.is_ascii_uppercase() && was_lower) || words.is_empty() {
            words.push(String::new());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    // A number behind says which one it is.
    while words.last().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        words.pop();
    }
    words
}

/// How much a text looks like a secret, where its name says that it is one.
#[must_use]
pub fn strength(value: &str) -> Strength {
    if value.len() < 8 || value.len() > 4096 || is_placeholder(value) || is_reference(value) {
        return Strength::None;
    }
    let has = |test: fn(&u8) -> bool| usize::from(value.as_bytes().iter().any(test));
    let others = value
        .bytes()
        .any(|byte| byte.is_ascii_graphic() && !byte.is_ascii_alphanumeric() && !b"._-".contains(&byte));
    let kinds = has(u8::is_ascii_lowercase)
        + has(u8::is_ascii_uppercase)
        + has(u8::is_ascii_digit)
        + usize::from(others);
    let has_digit = has(u8::is_ascii_digit) == 1;
    let bits = entropy(value);
    if value.len() >= 16 && has_digit && kinds >= 2 && bits >= 3.3 && !is_of_words(value) {
        Strength::Certain
    } else if kinds >= 2 && bits >= 2.5 && (has_digit || others) && !is_of_words(value) {
        Strength::Likely
    } else {
        Strength::None
    }
}

/// What points somewhere: a path, an address, code.
fn is_reference(value: &str) -> bool {
    let has_space = value.contains(char::is_whitespace);
    let is_path =
        value.starts_with(['/', '.', '~', '#', '@']) && value.contains('/') || value.starts_with("./");
    let is_code = value.contains("::") || value.contains("()") || value.contains("=>") || value.contains('(');
    let is_file = [".pem", ".key", ".json", ".txt", ".crt", ".env", ".toml", ".yml", ".yaml"]
        .iter()
        .any(|end| value.ends_with(end));
    has_space || is_path || is_code || is_file || value.contains("://") || value.starts_with("arn:")
}

/// `user-token-2`, `process.env.TOKEN1`: words, some with a short number, with something between.
fn is_of_words(value: &str) -> bool {
    let is_word = |part: &str| {
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_number = letters.is_empty() && part.len() <= 4;
        part.len() <= 20
            && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
            && (is_number || part.len() - letters.len() <= 3)
    };
    let parts: Vec<&str> = value.split(['-', '_', '.', ':', '/']).collect();
    parts.iter().all(|part| is_word(part))
        && (parts.len() > 1 || value.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// Bits for each character, by how often each occurs (Shannon).
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = value.len() as f64;
    let of = |count: &u32| {
        let share = f64::from(*count) / length;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(of).sum()
}
