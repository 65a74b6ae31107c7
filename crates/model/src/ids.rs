//! Names and numbers that identify things, each a type of its own so that none can be taken for another.
//!
//! Every id is plain text (or a plain number) on disk, in JSON and on the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that was refused, with what a name has to look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not a valid name: use 1 to {max} of a-z, 0-9 and -, beginning with a letter")]
pub struct BadName {
    /// What was being named, as in "app" or "service".
    pub what: &'static str,
    /// The refused text.
    pub given: String,
    /// The longest name that is taken, in characters.
    pub max: usize,
}

/// The longest app, environment or service name, in characters: three of them and a release id stay below a host name's 253.
pub const NAME_MAX: usize = 40;

fn check_name(what: &'static str, given: &str) -> Result<(), BadName> {
    let mut characters = given.chars();
    let first_fits = characters.next().is_some_and(|first| first.is_ascii_lowercase());
    let rest_fits = characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if first_fits && rest_fits && given.len() <= NAME_MAX && !given.ends_with('-') {
        Ok(())
    } else {
        Err(BadName { what, given: given.to_owned(), max: NAME_MAX })
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        text_id!($(#[$doc])* $name);

        impl $name {
            /// Takes a checked name.
            ///
            /// # Errors
            /// When the text is not 1 to [`NAME_MAX`] of `a-z`, `0-9` and `-`, beginning with a letter and not ending with `-`.
            pub fn new(text: impl Into<String>) -> Result<Self, BadName> {
                let text = text.into();
                check_name($what, &text)?;
                Ok(Self(text))
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }
    };
}

name!(
    /// What one `bascule.toml` describes.
    AppName,
    "app"
);
name!(
    /// `staging`, `production`, …
    EnvironmentName,
    "environment"
);
name!(
    /// `web`, `worker`, …
    ServiceName,
    "service"
);
name!(
    /// A command that is run once in a deploy: `migrate`, `warm`, …
    TaskName,
    "task"
);

/// An environment of an app: what a lease, a route and a history belong to. Written `app/environment`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EnvironmentKey {
    /// The app.
    pub app: AppName,
    /// The environment of it.
    pub environment: EnvironmentName,
}

impl fmt::Display for EnvironmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.app, self.environment))
    }
}

impl From<EnvironmentKey> for String {
    fn from(key: EnvironmentKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for EnvironmentKey {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl FromStr for EnvironmentKey {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (app, environment) = text.split_once('/').ok_or_else(|| BadName {
            what: "environment key",
            given: text.to_owned(),
            max: NAME_MAX,
        })?;
        Ok(Self { app: app.parse()?, environment: environment.parse()? })
    }
}

text_id!(
    /// A release, `r<number>-<6 hex digits>`: its number in the environment, and the start of the hash of what it holds.
    ReleaseId
);

impl ReleaseId {
    /// Names the release with this number and content hash (lower-case hex, at least 6 digits).
    #[must_use]
    pub fn new(number: u64, content_hash: &str) -> Self {
        Self(format!("r{number}-{}", content_hash.get(..6).unwrap_or(content_hash)))
    }

    /// Takes an id that a user or a file gave; whether it exists is for the journal to say.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

text_id!(
    /// A run, `run-<digits>-<hex>`: sorts by time.
    RunId
);

impl RunId {
    /// Takes an id as text; whether it exists is for the journal to say.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

text_id!(
    /// An instance, `<app>-<environment>-<release>-<service>-<n>`, `n` counting from 1.
    InstanceId
);

impl InstanceId {
    /// The one name that the `n`th instance (from 1) of a service of a release has.
    #[must_use]
    pub fn new(key: &EnvironmentKey, release: &ReleaseId, service: &ServiceName, n: u32) -> Self {
        Self(format!("{}-{}-{release}-{service}-{n}", key.app, key.environment))
    }

    /// Takes a name that a file or a message gave.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// The fencing number of a lease. It only grows; whoever acts with a lower one than was seen before is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The next lease's number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One of the two places where a release can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The first one.
    Blue,
    /// The other one.
    Green,
}

impl Slot {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::Blue, Self::Green];

    /// The place beside this one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// `blue` or `green`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_lower_case_words() {
        for good in ["shop", "a", "web-2", "x0"] {
            assert!(AppName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "Shop", "2web", "a_b", "a.b", "-a", "a-", "a/b", &"x".repeat(41)] {
            assert!(AppName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_survive_a_round_trip_through_text() {
        let key: EnvironmentKey = "shop/staging".parse().unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"shop/staging\"");
        assert_eq!(serde_json::from_str::<EnvironmentKey>("\"shop/staging\"").unwrap(), key);
        assert!("shop".parse::<EnvironmentKey>().is_err());
    }

    #[test]
    fn a_release_is_named_by_number_and_content() {
        assert_eq!(ReleaseId::new(7, "3fa9c1deadbeef").as_str(), "r7-3fa9c1");
    }
}
