//! A text with a meaning, in which `${NAME}` can stand: what it means is known once that is filled in.

use std::str::FromStr;

/// What was read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Templated<T> {
    /// Nothing is open in it.
    Plain(T),
    /// As it was written.
    Open(String),
}

impl<T> Templated<T> {
    /// What it means, where nothing is open.
    #[must_use]
    pub fn plain(&self) -> Option<&T> {
        match self {
            Self::Plain(plain) => Some(plain),
            Self::Open(_) => None,
        }
    }
}

impl<T: FromStr> FromStr for Templated<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.contains('$') { Ok(Self::Open(text.to_owned())) } else { text.parse().map(Self::Plain) }
    }
}
