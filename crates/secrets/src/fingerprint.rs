//! Whether two secrets are the same, without saying anything else of them.

use bascule_model::problem::{Code, Problem};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Fingerprints under a key that nobody else has, and that is gone with this.
pub struct Fingerprints(Zeroizing<[u8; 32]>);

/// HMAC-SHA-256 (RFC 2104) of a value. Says nothing without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprints {
    /// With a new key.
    ///
    /// # Errors
    /// When the system gives no chance.
    pub fn new() -> Result<Self, Problem> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| {
            Problem::new(Code::Internal, "comparing secrets: the system gave no random bytes", "try again")
        })?;
        Ok(Self(key))
    }

    /// Of one value.
    #[must_use]
    pub fn of(&self, value: &str) -> Fingerprint {
        // A key of whatever length is one: this cannot fail.
        let Ok(mut code) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) else {
            return Fingerprint([0; 32]);
        };
        code.update(value.as_bytes());
        Fingerprint(code.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_the_same_under_one_key_alone() {
        let (one, other) = (Fingerprints::new().unwrap(), Fingerprints::new().unwrap());
        assert_eq!(one.of("a"), one.of("a"));
        assert_ne!(one.of("a"), one.of("b"));
        assert_ne!(one.of("a"), other.of("a"));
    }
}
