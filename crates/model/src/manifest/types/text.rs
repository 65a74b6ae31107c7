//! Texts of a resolved environment: what is still open until an instance starts, and what nobody may read.
//!
//! A [`Value`] is public when the manifest spells it out, and private when anything of it came from an env file or from
//! the caller's environment. A private one is kept apart, in [`Secrets`]: no serialization and no `Debug` shows it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

/// The variables that are known only when an instance starts (for a check: when it runs).
pub const INSTANCE_VARIABLES: [&str; 7] = [
    "PORT",
    "BASCULE_APP",
    "BASCULE_ENVIRONMENT",
    "BASCULE_RELEASE",
    "BASCULE_SLOT",
    "BASCULE_INSTANCE",
    "BASCULE_URL",
];

/// A text in which only [`INSTANCE_VARIABLES`] are still open.
///
/// Stored as text: `${PORT}` is an open variable, `$$` a dollar sign.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct InstanceText(String);

/// What an [`InstanceText`] is made of.
enum Part<'a> {
    Literal(&'a str),
    Variable(&'a str),
}

impl InstanceText {
    /// A text that is meant as it stands: its dollar signs are dollar signs.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self(text.replace('$', "$$"))
    }

    /// Takes the stored form back.
    #[must_use]
    pub fn from_source(source: impl Into<String>) -> Self {
        Self(source.into())
    }

    /// The stored form.
    #[must_use]
    pub fn as_source(&self) -> &str {
        &self.0
    }

    /// Adds text that is meant as it stands.
    pub fn push_literal(&mut self, text: &str) {
        self.0.push_str(&text.replace('$', "$$"));
    }

    /// Adds one of [`INSTANCE_VARIABLES`].
    pub fn push_variable(&mut self, name: &str) {
        self.0.push_str("${");
        self.0.push_str(name);
        self.0.push('}');
    }

    /// Adds another text behind this one.
    pub fn push(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// The text for one instance: `lookup` gives the open variables by name; one that it does not give is empty.
    pub fn render(&self, lookup: impl Fn(&str) -> Option<String>) -> String {
        self.parts()
            .into_iter()
            .map(|part| match part {
                Part::Literal(text) => text.to_owned(),
                Part::Variable(name) => lookup(name).unwrap_or_default(),
            })
            .collect()
    }

    /// The open variables in it, in order, repeated ones included.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let name = |part| match part {
            Part::Variable(name) => Some(name),
            Part::Literal(_) => None,
        };
        self.parts().into_iter().filter_map(name).collect()
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut rest = self.0.as_str();
        while let Some(at) = rest.find('$') {
            parts.push(Part::Literal(&rest[..at]));
            let after = &rest[at + 1..];
            let variable = after.strip_prefix('{').and_then(|inner| {
                let (name, tail) = inner.split_once('}')?;
                INSTANCE_VARIABLES.contains(&name).then_some((name, tail))
            });
            rest = if let Some((name, tail)) = variable {
                parts.push(Part::Variable(name));
                tail
            } else {
                parts.push(Part::Literal("$"));
                after.strip_prefix('$').unwrap_or(after)
            };
        }
        parts.push(Part::Literal(rest));
        parts
    }
}

/// A text that nobody may read by accident: `Debug` shows `***`, there is no `Display` and no serialization. It is overwritten
/// when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(InstanceText);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: InstanceText) -> Self {
        Self(text)
    }

    /// Gives it out, to be handed to an instance or to be sealed. Never to be printed, logged or put in an argument list.
    #[must_use]
    pub fn expose(&self) -> &InstanceText {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is used, as in `services.web.env.TOKEN` or `verify.users.header.Authorization`: unique in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretName(String);

impl SecretName {
    /// Names a place.
    #[must_use]
    pub fn new(place: impl Into<String>) -> Self {
        Self(place.into())
    }

    /// The name as text; no secret itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The private values of an environment, by name.
pub type Secrets = BTreeMap<SecretName, Secret>;

/// A configured text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Spelled out in the manifest: may be shown.
    Public(InstanceText),
    /// Came at least in part from an env file or the caller's environment; stands under this name in
    /// [`Environment::secrets`](super::Environment::secrets).
    Private(SecretName),
}

impl Value {
    /// The text, with the private ones looked up in `secrets`; none when the secret is not there (it was not unsealed).
    #[must_use]
    pub fn expose<'a>(&'a self, secrets: &'a Secrets) -> Option<&'a InstanceText> {
        match self {
            Self::Public(text) => Some(text),
            Self::Private(name) => secrets.get(name).map(Secret::expose),
        }
    }

    /// What a person may see: the stored form of a public text, `***` for a private one.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Public(text) => text.as_source(),
            Self::Private(_) => "***",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_variables_are_filled_in_and_dollars_stay() {
        let mut text = InstanceText::literal("cost $5 ${PORT} ");
        text.push_variable("PORT");
        assert_eq!(text.variables(), ["PORT"]);
        let rendered = text.render(|name| (name == "PORT").then(|| "3000".to_owned()));
        assert_eq!(rendered, "cost $5 ${PORT} 3000");
        assert_eq!(InstanceText::from_source(text.as_source()), text);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(InstanceText::literal("hunter2"));
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(Value::Private(SecretName::new("services.web.env.TOKEN")).shown(), "***");
    }
}
