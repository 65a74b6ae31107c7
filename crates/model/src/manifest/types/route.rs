//! Which requests a service gets: host names and path prefixes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A host name or path prefix that was refused. `Display` says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a {what}: {expected}")]
pub struct BadRoute {
    /// "host name" or "path".
    pub what: &'static str,
    /// The refused text.
    pub given: String,
    /// What one looks like.
    pub expected: &'static str,
}

/// A host name in lower case without a port, `shop.example.com`, or with a wildcard as its first label, `*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// The start of a path, by whole segments: `/` takes everything, `/api` takes `/api` and `/api/users` but not `/apis`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPrefix(String);

impl HostName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PathPrefix {
    /// The prefix as text; it begins with `/` and, but for `/` itself, does not end with it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for PathPrefix {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for HostName {
    type Err = BadRoute;

    fn from_str(text: &str) -> Result<Self, BadRoute> {
        let name = text.to_ascii_lowercase();
        let labels = name.strip_prefix("*.").unwrap_or(&name);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() <= 253 && labels.split('.').all(is_label) {
            Ok(Self(name))
        } else {
            Err(BadRoute {
                what: "host name",
                given: text.to_owned(),
                expected: "use a name without scheme and port, as in \"shop.example.com\" or \"*.example.com\"",
            })
        }
    }
}

impl FromStr for PathPrefix {
    type Err = BadRoute;

    fn from_str(text: &str) -> Result<Self, BadRoute> {
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"?#\\\"<>^`{|}".contains(&b));
        let has_odd_segment =
            text.split('/').any(|segment| segment == "." || segment == "..") || text.contains("//");
        if text.starts_with('/') && is_plain && !has_odd_segment {
            let trimmed = text.trim_end_matches('/');
            Ok(Self(if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() }))
        } else {
            Err(BadRoute {
                what: "path",
                given: text.to_owned(),
                expected: "begin with \"/\" and use no spaces, no query and no \"..\", as in \"/api\"",
            })
        }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadRoute;
            fn try_from(text: String) -> Result<Self, BadRoute> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

as_text!(HostName);
as_text!(PathPrefix);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_carry_neither_scheme_nor_port() {
        for good in ["localhost", "shop.example.com", "*.example.com", "SHOP.example.com", "127.0.0.1"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        for bad in ["", "http://a.b", "a.b:80", "a..b", "-a.b", "a_b.c", "*.*.b", "*", "a b"] {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn path_prefixes_lose_the_slash_at_their_end() {
        assert_eq!("/api/".parse::<PathPrefix>().unwrap().as_str(), "/api");
        assert_eq!("/".parse::<PathPrefix>().unwrap().as_str(), "/");
        for bad in ["", "api", "/a b", "/a?b", "/../a", "//a", "/a/./b"] {
            assert!(bad.parse::<PathPrefix>().is_err(), "{bad}");
        }
    }
}
