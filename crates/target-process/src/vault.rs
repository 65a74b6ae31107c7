//! The vault: values at rest are sealed with XChaCha20-Poly1305 under a key file of the state folder.
//!
//! The release's name is bound in as associated data: what was sealed for one release does not open for another.
//! Fingerprints are HMAC-SHA-256 (RFC 2104) under a key of their own, cut to 128 bits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bascule_engine::ports::Vault;
use bascule_model::ids::ReleaseId;
use bascule_model::problem::Problem;
use bascule_model::release::Configuration;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::error::{ProcessError, file};
use crate::hex;
use crate::hmac::hmac_sha256;
use crate::state::durable::{self, Access};

const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;
/// First byte of what is sealed: the form.
const FORM: u8 = 1;

/// A vault whose key is the file `vault.key` of a state folder.
pub struct FileVault {
    cipher: XChaCha20Poly1305,
    fingerprint_key: [u8; 32],
}

impl std::fmt::Debug for FileVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileVault(***)")
    }
}

impl FileVault {
    /// Opens the vault of a state folder; the first time its key (32 random bytes, file mode 0600) is made.
    ///
    /// # Errors
    /// When the key cannot be read or made, is no key, or can be read by others than its owner.
    pub fn open(state_dir: &Path) -> Result<Self, ProcessError> {
        let path = state_dir.join("vault.key");
        let key = match read_key(&path)? {
            Some(key) => key,
            None => make_key(state_dir, &path)?,
        };
        Ok(Self {
            cipher: XChaCha20Poly1305::new(&Key::from(key)),
            fingerprint_key: hmac_sha256(&key, b"bascule fingerprint key 1"),
        })
    }
}

fn read_key(path: &Path) -> Result<Option<[u8; KEY_LENGTH]>, ProcessError> {
    let Some(bytes) = durable::read_if_there(path)? else { return Ok(None) };
    let bad = |detail| ProcessError::Key { path: path.to_owned(), detail };
    let mode = fs::metadata(path).map_err(file("look at", path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(bad("others than its owner can read it"));
    }
    bytes.try_into().map(Some).map_err(|_| bad("it does not hold 32 bytes"))
}

fn make_key(state_dir: &Path, path: &Path) -> Result<[u8; KEY_LENGTH], ProcessError> {
    durable::make_folder(state_dir)?;
    let mut key = [0; KEY_LENGTH];
    getrandom::fill(&mut key).map_err(|_| ProcessError::Random)?;
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(|_| ProcessError::Random)?;
    // Written aside and linked in: of two that come at once, both go on with the one key that was first.
    let aside = state_dir.join(format!("vault.key.{}", hex::encode(&suffix)));
    durable::durable(&aside, &key, Access::Private)?;
    let linked = fs::hard_link(&aside, path);
    durable::remove_file(&aside)?;
    match linked {
        Ok(()) => {
            durable::sync_folder(state_dir)?;
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read_key(path)?
            .ok_or_else(|| ProcessError::Key { path: path.to_owned(), detail: "it was removed just now" }),
        Err(error) => Err(file("make the key", path)(error)),
    }
}

fn associated(release: &ReleaseId) -> Vec<u8> {
    format!("bascule configuration {FORM}\0{release}").into_bytes()
}

impl Vault for FileVault {
    fn seal(&self, release: &ReleaseId, configuration: &Configuration) -> Result<Vec<u8>, Problem> {
        let open = serde_json::to_vec(configuration)
            .map_err(|_| ProcessError::Lost { what: "writing the configuration down" }.problem())?;
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|_| ProcessError::Random.problem())?;
        let aad = associated(release);
        let closed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: &open, aad: &aad })
            .map_err(|_| ProcessError::Lost { what: "sealing the configuration" }.problem())?;
        Ok([&[FORM][..], &nonce, &closed].concat())
    }

    fn open(&self, release: &ReleaseId, sealed: &[u8]) -> Result<Configuration, Problem> {
        let refused = || ProcessError::Sealed { release: release.to_string() }.problem();
        let (form, rest) = sealed.split_first().ok_or_else(refused)?;
        let (nonce, closed) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or_else(refused)?;
        if *form != FORM {
            return Err(refused());
        }
        let aad = associated(release);
        let open = self
            .cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: closed, aad: &aad })
            .map_err(|_| refused())?;
        serde_json::from_slice(&open).map_err(|_| refused())
    }

    fn fingerprint(&self, value: &str) -> String {
        hex::encode(&hmac_sha256(&self.fingerprint_key, value.as_bytes())[..16])
    }
}

#[cfg(test)]
mod tests {
    use bascule_model::manifest::InstanceText;
    use bascule_model::problem::Code;

    use super::*;

    fn configuration() -> Configuration {
        let env = [("TOKEN".to_owned(), InstanceText::literal("hunter2"))].into();
        Configuration { env: [("web".parse().unwrap(), env)].into(), ..Configuration::default() }
    }

    #[test]
    fn what_is_sealed_opens_for_its_release_and_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let vault = FileVault::open(folder.path()).unwrap();
        let release = ReleaseId::from_text("r1-abcdef");
        let sealed = vault.seal(&release, &configuration()).unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));

        let again = FileVault::open(folder.path()).unwrap();
        assert!(again.open(&release, &sealed).unwrap() == configuration());
        let code = |result: Result<Configuration, Problem>| result.unwrap_err().code;
        assert_eq!(code(again.open(&ReleaseId::from_text("r2"), &sealed)), Code::ConfigurationUnreadable);
        assert_eq!(code(again.open(&release, &sealed[..20])), Code::ConfigurationUnreadable);
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(code(again.open(&release, &changed)), Code::ConfigurationUnreadable);

        let elsewhere = tempfile::tempdir().unwrap();
        let other = FileVault::open(elsewhere.path()).unwrap();
        assert_eq!(code(other.open(&release, &sealed)), Code::ConfigurationUnreadable);
        assert_eq!(vault.fingerprint("x"), again.fingerprint("x"));
        assert_ne!(vault.fingerprint("x"), vault.fingerprint("y"));
        assert_ne!(vault.fingerprint("x"), other.fingerprint("x"));
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_cut_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        FileVault::open(folder.path()).unwrap();
        let path = folder.path().join("vault.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(FileVault::open(folder.path()).unwrap_err().problem().remedy.contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(FileVault::open(folder.path()).is_err());
    }
}
