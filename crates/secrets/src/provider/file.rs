//! A secret in a file that nobody but its owner can use.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::ProviderError;
use crate::SecretValue;
use crate::store::LONGEST;

/// The text of a file of mode 0600 or less, without the line break at its end.
///
/// # Errors
/// When it cannot be read, others can, or it is not a text of at most 128 KiB.
pub fn read(name: &str, path: &Path) -> Result<SecretValue, ProviderError> {
    let failed = |source| ProviderError::File { name: name.to_owned(), path: path.to_owned(), source };
    let missing = |why: String| ProviderError::Missing { name: name.to_owned(), why };
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(missing(format!("{} is not a file", path.display())));
    }
    let mode = about.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(ProviderError::Mode { name: name.to_owned(), path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LONGEST as u64 + 2).read_to_end(&mut bytes).map_err(failed)?;
    text(&bytes).ok_or_else(|| missing(format!("{} is not a text of at most 128 KiB", path.display())))
}

/// The text without the line break at its end; none when it is none or too long.
pub(super) fn text(bytes: &[u8]) -> Option<SecretValue> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    (text.len() <= LONGEST).then(|| SecretValue::new(text.to_owned()))
}
