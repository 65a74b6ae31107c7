//! The envelope key: who has it opens the store. 32 bytes, as base64 or hex; from a variable, a file or a command.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::seal::{self, DataKey};
use super::{Owner, StoreError};

/// A key that data keys are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvelopeKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for EnvelopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnvelopeKey({})", self.id())
    }
}

impl EnvelopeKey {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no chance.
    pub fn random() -> Result<Self, StoreError> {
        DataKey::random().map(|key| Self(key.0))
    }

    /// From its text: 44 characters of base64 or 64 of hex, spaces around it not counted. `source` is named in the error.
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_text(text: &str, source: &str) -> Result<Self, StoreError> {
        let text = text.trim();
        let bytes = match text.len() {
            64 => (0..32)
                .map(|at| text.get(2 * at..2 * at + 2))
                .map(|pair| u8::from_str_radix(pair?, 16).ok())
                .collect(),
            _ => STANDARD.decode(text).ok(),
        };
        let bytes = bytes.map(Zeroizing::new);
        let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        key.map(|key| Self(Zeroizing::new(key)))
            .ok_or_else(|| StoreError::KeyForm { source_name: source.to_owned() })
    }

    /// From a file that nobody but its owner can read (mode 0600 or less); none when there is none.
    ///
    /// # Errors
    /// When it cannot be read, others can, or it is no key.
    pub fn from_file(path: &Path) -> Result<Option<Self>, StoreError> {
        let failed = |doing| move |source| StoreError::File { doing, path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("reading the key file")(error)),
        };
        // Of the file that was opened, not of what has its name meanwhile.
        let mode = file.metadata().map_err(failed("looking at the key file"))?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(StoreError::KeyMode { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        (&file).take(4096).read_to_string(&mut text).map_err(failed("reading the key file"))?;
        Self::from_text(&text, &path.display().to_string()).map(Some)
    }

    /// Writes it into a new file that only its owner can read.
    ///
    /// # Errors
    /// When there is one already, or it cannot be made.
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        let failed = |doing| move |source| StoreError::File { doing, path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed("making the folder of the key file"))?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(failed("making the key file"))?;
        let text = Zeroizing::new(format!("{}\n", STANDARD.encode(self.0.as_slice())));
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed("writing the key file"))
    }

    /// Says which key it is, and nothing of it: the first 8 bytes of an HMAC (RFC 2104) under it, hex.
    #[must_use]
    pub fn id(&self) -> String {
        // A key of whatever length is one: this cannot fail.
        let Ok(mut code) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) else { return String::new() };
        code.update(b"bascule envelope key id 1");
        let code = code.finalize().into_bytes();
        code.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    pub(super) fn seal(&self, owner: &Owner, key: &DataKey) -> Result<String, StoreError> {
        seal::seal(&self.0, &of_key(owner), key.0.as_slice())
    }

    pub(super) fn open(&self, owner: &Owner, sealed: &str) -> Option<DataKey> {
        let bytes = seal::open(&self.0, &of_key(owner), sealed)?;
        <[u8; 32]>::try_from(bytes.as_slice()).ok().map(|key| DataKey(Zeroizing::new(key)))
    }
}

fn of_key(owner: &Owner) -> Vec<u8> {
    let Owner { app, environment } = owner;
    format!("bascule secrets key 1\0{app}\0{environment}").into_bytes()
}
