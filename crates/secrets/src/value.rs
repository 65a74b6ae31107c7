//! A secret in memory: overwritten when it is dropped, and shown by nothing.

use std::fmt;

use zeroize::Zeroizing;

/// A secret value. `Debug` shows `***`; there is no `Display` and no serialization.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Gives it out: to be handed to a process or to be sealed, never to be printed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", SecretValue::new("hunter2".to_owned())), "***");
    }
}
