use super::*;

/// Put together here, so that this file holds none.
fn token(start: &str, length: usize) -> String {
    let alphabet = b"k7Qm2Xz9Lr4Tb8Wd1Nv6Hs3Jc5Pf";
    let body: String = (0..length).map(|at| char::from(alphabet[at * 11 % alphabet.len()])).collect();
    format!("{start}{body}")
}

#[test]
fn tokens_are_known_by_their_shape() {
    let upper = |start: &str, length| token(start, length).to_uppercase();
    let hex = |start: &str, length: usize| {
        format!("{start}{}", "3f9a0c7be25d1846".repeat(5).chars().take(length).collect::<String>())
    };
    let jwt = format!("eyJ{}.eyJ{}.{}", token("", 20), token("", 30), token("", 43));
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{}", token("", 64));
    let in_json = format!("{{\"k\":\"-----BEGIN PRIVATE KEY-----\\n{}\"}}", token("", 64));
    for (text, rule) in [
        (upper("AKIA", 16), "aws-access-key"),
        (token("ghp_", 36), "github-token"),
        (format!("{}_{}", token("github_pat_", 22), token("", 59)), "github-token"),
        (token("glpat-", 20), "gitlab-token"),
        (format!("xoxb-{}-{}", "4829104756", token("", 24)), "slack-token"),
        (token("sk_live_", 24), "stripe-key"),
        (token("npm_", 36), "npm-token"),
        (token("pypi-AgEIcHlwaS5vcmc", 60), "pypi-token"),
        (token("AIza", 35), "google-api-key"),
        (token("sk-ant-api03-", 80), "anthropic-key"),
        (format!("{}.{}", token("SG.", 22), token("", 43)), "sendgrid-key"),
        (hex("dop_v1_", 64), "digitalocean-token"),
        (hex("dapi", 32), "databricks-token"),
        (jwt, "jwt"),
        (key, "private-key"),
        (in_json, "private-key"),
        (format!("x\\n{}", token("ghp_", 36)), "github-token"),
    ] {
        let found = certain(&format!("before {text} after")).map(|(_, shape)| shape.rule);
        assert_eq!(found, Some(rule), "{text}");
    }
}

#[test]
fn what_only_begins_so_is_none() {
    for text in [
        "AKIA".to_owned() + "IOSFODNN7EXAMPLE",
        "ghp_".to_owned() + &"x".repeat(36),
        "ghp_".to_owned() + "0123456789abcdefghijklmnopqrstuvwxyz",
        token("ghp_", 20),
        token("agh_ghp_", 36),
        token("AKIA", 30),
        "-----BEGIN PRIVATE KEY-----".to_owned(),
        "-----BEGIN PUBLIC KEY-----\n".to_owned() + &token("", 64),
        "eyJhbGciOiJIUzI1NiJ9".to_owned(),
        "the prefix npm_ and sk_live_ of keys".to_owned(),
    ] {
        assert!(certain(&text).is_none(), "{text}");
    }
}

#[test]
fn passwords_are_found_in_addresses() {
    for (text, is) in [
        ("postgres://shop:k4naR7vQ@db/shop", true), // bascule:allow-secret made up
        ("mysql://root:Zu9-x.Q1@10.0.0.7:3306", true), // bascule:allow-secret made up
        ("https://ci:tr0ub4dor@git.internal/x.git", true), // bascule:allow-secret made up
        ("postgres://shop:${PASSWORD}@db", false),
        ("postgres://shop:$PW@db", false),
        ("postgres://user:password@localhost", false),
        ("postgres://postgres:postgres@localhost", false),
        ("postgres://shop@db", false),
        ("http://a:b@example.com", false),
        ("http://localhost:8080/@x", false),
        ("https://user:changeme@db", false),
    ] {
        let at = text.find("://").unwrap();
        assert_eq!(password_in(text, at).is_some(), is, "{text}");
    }
}

#[test]
fn names_and_literals() {
    for (name, is) in [
        ("API_KEY", true),
        ("apiKey", true),
        ("db-password", true),
        ("STRIPE_SECRET_KEY", true),
        ("SECRET_KEY_BASE", true),
        ("clientSecret", true),
        ("DB_PASS", true),
        ("TOKEN_2", true),
        ("KEYBOARD", false),
        ("TOKEN_TTL", false),
        ("PASSWORD_FILE", false),
        ("PUBLIC_KEY", false),
        ("key", false),
        ("compass", false),
        ("SECRET_NAME", false),
        ("primary_key", false),
    ] {
        assert_eq!(name_says_so(name), is, "{name}");
    }
    for (value, expected) in [
        (token("", 32).as_str(), Strength::Certain),
        ("Tr0ub4dor&3", Strength::Likely),
        ("correct horse", Strength::None),
        ("changeme123", Strength::None),
        ("process.env.TOKEN1", Strength::None),
        ("/run/secrets/db_1", Strength::None),
        ("getToken(1)", Strength::None),
        ("user-token-2", Strength::None),
        ("short1", Strength::None),
        ("aaaaaaaaaaaaaaaa1", Strength::None),
    ] {
        assert_eq!(strength(value), expected, "{value}");
    }
}
