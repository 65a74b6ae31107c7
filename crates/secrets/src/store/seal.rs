//! Sealing: XChaCha20-Poly1305 with a random nonce, and what belongs to the value as associated data.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Content, Owner, StoreError};
use crate::SecretValue;

const NONCE: usize = 24;
/// What stands before the seal of a version that says that the secret was removed.
const REMOVED: &str = "removed ";

/// The key of one file.
pub(super) struct DataKey(pub(super) Zeroizing<[u8; 32]>);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(***)")
    }
}

impl DataKey {
    pub(super) fn random() -> Result<Self, StoreError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| StoreError::Chance)?;
        Ok(Self(key))
    }

    pub(super) fn seal(
        &self,
        owner: &Owner,
        name: &str,
        version: u32,
        content: &Content,
    ) -> Result<String, StoreError> {
        let (state, value) = match content {
            Content::Value(value) => ("", value.expose()),
            Content::Removed => (REMOVED, ""),
        };
        let sealed = seal(&self.0, &of_value(owner, name, version, state), value.as_bytes())?;
        Ok(format!("{state}{sealed}"))
    }

    /// None when it does not open.
    pub(super) fn open(&self, owner: &Owner, name: &str, version: u32, line: &str) -> Option<Content> {
        let (state, sealed) = match line.strip_prefix(REMOVED) {
            Some(sealed) => (REMOVED, sealed),
            None => ("", line),
        };
        let mut value = open(&self.0, &of_value(owner, name, version, state), sealed)?;
        if state == REMOVED {
            return Some(Content::Removed);
        }
        let value = String::from_utf8(std::mem::take(&mut *value)).ok()?;
        Some(Content::Value(SecretValue::new(value)))
    }

    pub(super) fn seal_list(
        &self,
        owner: &Owner,
        lines: &BTreeMap<(String, u32), String>,
    ) -> Result<String, StoreError> {
        seal(&self.0, &of_list(owner, lines), &[])
    }

    pub(super) fn list_is(
        &self,
        owner: &Owner,
        lines: &BTreeMap<(String, u32), String>,
        sealed: &str,
    ) -> bool {
        open(&self.0, &of_list(owner, lines), sealed).is_some()
    }
}

fn of_value(owner: &Owner, name: &str, version: u32, state: &str) -> Vec<u8> {
    let Owner { app, environment } = owner;
    format!("bascule secret 1\0{app}\0{environment}\0{name}\0{version}\0{state}").into_bytes()
}

fn of_list(owner: &Owner, lines: &BTreeMap<(String, u32), String>) -> Vec<u8> {
    let Owner { app, environment } = owner;
    let mut hash = Sha256::new();
    for ((name, version), line) in lines {
        hash.update(format!("{name}\0{version}\0{line}\0"));
    }
    [format!("bascule secrets list 1\0{app}\0{environment}\0").into_bytes(), hash.finalize().to_vec()]
        .concat()
}

/// Nonce and sealed text, base64.
pub(super) fn seal(key: &[u8; 32], associated: &[u8], open: &[u8]) -> Result<String, StoreError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| StoreError::Chance)?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let payload = Payload { msg: open, aad: associated };
    let closed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| StoreError::Chance)?;
    Ok(STANDARD.encode([&nonce[..], &closed].concat()))
}

/// None when it is not what was sealed with that key and those data.
pub(super) fn open(key: &[u8; 32], associated: &[u8], sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = STANDARD.decode(sealed).ok()?;
    let (nonce, closed) = bytes.split_first_chunk::<NONCE>()?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let payload = Payload { msg: closed, aad: associated };
    cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
}
