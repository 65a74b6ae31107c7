//! Changing a store: one writer at a time, and all or nothing.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::{EnvelopeKey, Owner, Store, StoreError, file};

/// Whether the lines have to be those that were sealed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// They have to be.
    AsSealed,
    /// A person has looked at them: after a merge of two branches that both added some, each line is right and the list is
    /// not. Every value has to open all the same.
    Accepted,
}

/// Changes the store at `path`, which is made where there is none, and gives what `change` gives. Nothing is written where
/// `change` fails. With `new_key` the file is sealed under that one from now on.
///
/// # Errors
/// Those of opening and writing, and `change`'s.
pub fn edit<T>(
    path: &Path,
    owner: &Owner,
    envelope: &EnvelopeKey,
    new_key: Option<&EnvelopeKey>,
    lines: Lines,
    change: impl FnOnce(&mut Store) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let failed = |doing| move |source| StoreError::File { doing, path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed("making the folder of the store"))?;
    // The folder is what is locked: a file of its own would lie about among what is committed. Given back at the end.
    let lock = File::open(folder).map_err(failed("opening the folder of the store"))?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed("locking the store")(error.into()))?;
    let mut store = match file::read(path)? {
        Some(text) => Store::from_text(path, &text, owner, envelope, lines)?,
        None => Store::new(owner)?,
    };
    let outcome = change(&mut store)?;
    let text = store.write_down(new_key.unwrap_or(envelope))?;
    file::write(path, folder, &text)?;
    Ok(outcome)
}
