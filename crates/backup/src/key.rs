//! The key that backups are sealed with. From it one is derived for what is in them and one for their manifests.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// 32 secret bytes. Without them no backup can be read.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// Of bytes that nobody else knows.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For what is in backups.
    pub(crate) fn of_content(&self) -> [u8; 32] {
        code(&self.0, b"bascule backup content 1")
    }

    /// A code of a manifest that only who has the key can make.
    pub(crate) fn code_of_manifest(&self, manifest: &[u8]) -> [u8; 32] {
        code(&code(&self.0, b"bascule backup manifest 1"), manifest)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn code(key: &[u8], message: &[u8]) -> [u8; 32] {
    // A key of whatever length is one: this cannot fail.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    code.update(message);
    code.finalize().into_bytes().into()
}

/// Two lower-case digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown_and_each_use_has_its_own() {
        let key = Key::new([7; 32]);
        assert_eq!(format!("{key:?}"), "Key(***)");
        assert_ne!(key.of_content(), key.code_of_manifest(b""));
        // Case 2 of RFC 4231.
        assert_eq!(
            hex(&code(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
