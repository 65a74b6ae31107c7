//! What looks like a secret: by the name of what it is for, or by its form.

/// Whether a value under this name should not be copied.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    !value.is_empty() && (has_password(value) || (names_a_secret(name) && !is_harmless(value)))
}

/// Whether the name says so. One that ends in `_FILE` names a path.
fn names_a_secret(name: &str) -> bool {
    const WORDS: [&str; 9] = [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "TOKEN",
        "APIKEY",
        "API_KEY",
        "CREDENTIAL",
        "PRIVATE_KEY",
    ];
    const ENDS: [&str; 6] = ["_KEY", "_PASS", "_PWD", "_DSN", "_AUTH", "_SALT"];
    let name = name.rsplit('.').next().unwrap_or(name).to_ascii_uppercase().replace('-', "_");
    let is_whole = ["KEY", "PASS", "PWD", "DSN"].contains(&name.as_str());
    let says_so = is_whole
        || WORDS.iter().any(|word| name.contains(word))
        || ENDS.iter().any(|end| name.ends_with(end));
    // Bundler's credentials are named for the server that they are for.
    let says_so = says_so || (name.starts_with("BUNDLE_") && name.contains("__"));
    says_so && !name.ends_with("_FILE") && !name.ends_with("_PATH") && !name.contains("PUBLIC_KEY")
}

/// Truth values and plain numbers are no secrets, whatever their name (`TOKEN_TTL`, `ALLOW_EMPTY_PASSWORD`).
fn is_harmless(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    ["true", "false", "yes", "no", "on", "off"].contains(&value.as_str())
        || (value.len() <= 6 && value.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether the text has a password in an address (`scheme://user:password@host`), or a key in its usual form.
pub(crate) fn has_password(text: &str) -> bool {
    let in_address = text.match_indices("://").any(|(at, _)| {
        let authority = text[at + 3..].split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| {
            user.split_once(':')
                .is_some_and(|(_, password)| !password.is_empty() && !password.starts_with('$'))
        })
    });
    const STARTS: [&str; 8] =
        ["-----BEGIN ", "ghp_", "github_pat_", "glpat-", "xoxb-", "sk_live_", "sk-", "AKIA"];
    in_address || STARTS.iter().any(|start| text.starts_with(start) && text.len() > 15)
}

/// Whether a word of a command looks like one: `--password=x`, an address with a password, or what follows `--password`.
pub(crate) fn in_words(words: &[String]) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let flag = word.trim_start_matches('-');
        let given = flag.split_once('=').is_some_and(|(name, value)| is_secret(name, value));
        let before = at.checked_sub(1).and_then(|before| words.get(before));
        let follows = before.is_some_and(|flag| {
            flag.starts_with("--")
                && !flag.contains('=')
                && !word.starts_with('-')
                && names_a_secret(flag.trim_start_matches('-'))
        });
        has_password(word)
            || given
            || follows
            || word.split_whitespace().count() > 1 && in_words(&split(word))
    })
}

fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret() {
        for (name, value, is) in [
            ("POSTGRES_PASSWORD", "hunter2", true),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/db", false),
            ("DATABASE_URL", "postgres://shop:hunter2@db/shop", true),
            ("DATABASE_URL", "postgres://db/shop", false),
            ("DATABASE_URL", "postgres://shop:${PW}@db/shop", false),
            ("TOKEN_TTL", "3600", false),
            ("ALLOW_EMPTY_PASSWORD", "yes", false),
            ("SECRET_KEY_BASE", "abc", true),
            ("LOG_LEVEL", "debug", false),
            ("GREETING", "ghp_0123456789abcdef0123", true),
            ("KEYBOARD", "de", false),
            ("services.web.environment.API_TOKEN", "x", true),
        ] {
            assert_eq!(is_secret(name, value), is, "{name}={value}");
        }
        let words = |line: &str| split(line);
        assert!(in_words(&words("serve --password=hunter2")));
        assert!(in_words(&words("serve --password hunter2")));
        assert!(in_words(&["sh".to_owned(), "-c".to_owned(), "run postgres://a:b@c".to_owned()]));
        assert!(!in_words(&words("serve --port 80 --password-file x")));
    }
}
