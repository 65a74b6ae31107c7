//! An address taken apart, for programs that do not take one.

use crate::address::Address;

/// The parts of `scheme://user:password@host:port/database?options`, each without percent-encoding.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub user: Option<String>,
    pub password: Option<String>,
    pub host: Option<String>,
    pub port: Option<String>,
    pub database: Option<String>,
    pub options: Vec<(String, String)>,
}

impl Parts {
    pub(super) fn of(address: &Address) -> Self {
        let text = address.reveal();
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (account, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match account.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password))),
            None => (account, None),
        };
        // A colon within brackets belongs to an IPv6 address.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (place, ""),
        };
        let some = |text: &str| (!text.is_empty()).then(|| decoded(text));
        let options = options.split('&').filter_map(|option| option.split_once('='));
        Self {
            user: some(user),
            password,
            host: some(host.trim_start_matches('[').trim_end_matches(']')),
            port: some(port),
            database: some(database),
            options: options.map(|(key, value)| (key.to_ascii_lowercase(), decoded(value))).collect(),
        }
    }

    pub(super) fn option(&self, names: &[&str]) -> Option<&str> {
        let found = self.options.iter().find(|(key, _)| names.contains(&key.as_str()));
        found.map(|(_, value)| value.as_str())
    }
}

/// Without percent-encoding; what is no such encoding stays as it is.
fn decoded(text: &str) -> String {
    let (bytes, mut plain, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                plain.push(value);
                at += 3;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |text: &str| Parts::of(&Address::parse(text).unwrap());
        let full = parts("postgres://an%40n:p%2Fss%25@[::1]:5433/shop?sslmode=require&host=%2Ftmp%2Fx");
        assert_eq!(full.user.as_deref(), Some("an@n"));
        assert_eq!(full.password.as_deref(), Some("p/ss%"));
        assert_eq!((full.host.as_deref(), full.port.as_deref()), (Some("::1"), Some("5433")));
        assert_eq!(full.database.as_deref(), Some("shop"));
        assert_eq!(full.option(&["sslmode"]), Some("require"));
        assert_eq!(full.option(&["host"]), Some("/tmp/x"));
        let short = parts("mysql://root@db/shop");
        assert_eq!((short.user.as_deref(), short.password.as_deref()), (Some("root"), None));
        assert_eq!((short.host.as_deref(), short.port.as_deref()), (Some("db"), None));
        assert!(parts("postgres://db").database.is_none());
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%41"), "%zzA");
    }
}
