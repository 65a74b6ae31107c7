//! Values that are not worth hiding though they came from where secrets do: everything in an env file counts as
//! a secret, but a log in which every `production` is masked helps nobody.

use bascule_model::secret_shape::name_says_so;

/// How it is known that a value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It only came from where secrets do.
    Presumed,
    /// Somebody put it among the secrets.
    Declared,
}

/// Whether a value is a word that stands in every log, under a name that does not say that it is a secret; where it is only
/// presumed to be one, also a short number, an address of this machine or the path of a folder.
#[must_use]
pub fn is_ordinary(name: &str, value: &str, standing: Standing) -> bool {
    if value.len() < super::SHORTEST {
        return true;
    }
    let lower = value.to_ascii_lowercase();
    if ANSWERS.contains(&lower.as_str()) {
        return true;
    }
    if names_a_secret(name) {
        return false;
    }
    if WORDS.contains(&lower.as_str()) {
        return true;
    }
    let host =
        lower.rsplit_once(':').filter(|(_, port)| is_number(port)).map_or(lower.as_str(), |(host, _)| host);
    standing == Standing::Presumed
        && (HOSTS.contains(&host) || (is_number(&lower) && lower.len() <= 8) || is_plain_path(value))
}

/// Whether a name says that its value is a secret: also names of addresses, which often have a password in them.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    let name_alone = name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase();
    const ENDS: [&str; 8] = [
        "DATABASE_URL",
        "REDIS_URL",
        "DSN",
        "AUTH",
        "AUTHORIZATION",
        "WEBHOOK",
        "WEBHOOK_URL",
        "CONNECTION_STRING",
    ];
    name_says_so(name) || ENDS.iter().any(|end| name_alone.ends_with(end))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// `/usr/lib/app`: names of folders, none of which could be a token.
fn is_plain_path(value: &str) -> bool {
    let mut parts = value.split('/');
    parts.next() == Some("")
        && parts.all(|part| {
            part.len() < 20 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        })
}

const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "0.0.0.0"];

const WORDS: [&str; 27] = [
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "trace",
    "verbose",
    "silent",
    "production",
    "staging",
    "development",
    "test",
    "testing",
    "preview",
    "local",
    "json",
    "text",
    "pretty",
    "utf-8",
    "c.utf-8",
    "en_us.utf-8",
    "europe/berlin",
    "http",
    "https",
    "postgres",
    "redis",
    "main",
];

/// What settings are answered with, whatever their name.
const ANSWERS: [&str; 10] =
    ["true", "false", "none", "null", "auto", "default", "enabled", "disabled", "always", "never"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_every_log_is_not_hidden() {
        for (name, value) in [
            ("NODE_ENV", "production"),
            ("HOST", "localhost:3000"),
            ("BIND", "0.0.0.0"),
            ("WORKERS", "16384"),
            ("DATA_DIR", "/var/lib/shop"),
            ("API_KEY", "abc"),
            ("TOKEN_TTL", "3600"),
            ("AUTH", "true"),
            ("MONKEY", "production"),
        ] {
            assert!(is_ordinary(name, value, Standing::Presumed), "{name}");
        }
        for (name, value) in [
            ("DB_PASSWORD", "production"),
            ("API_TOKEN", "12345678"),
            ("GREETING", "hunter2hunter2"),
            ("PIN", "1234567890"),
            ("HOOK", "/T00/B00/aaaaaaaaaaaaaaaaaaaaaaaa"),
        ] {
            assert!(!is_ordinary(name, value, Standing::Presumed), "{name}");
        }
        for (name, value, is) in
            [("PIN", "4711", false), ("MODE", "production", true), ("ADMIN", "true", true)]
        {
            assert_eq!(is_ordinary(name, value, Standing::Declared), is, "{name}");
        }
    }
}
