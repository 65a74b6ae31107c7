//! What can go wrong with a store. No variant holds a value or a key.

use std::io;
use std::path::PathBuf;

use bascule_model::problem::{Code, Problem};

/// Why a store could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder.
    #[error("{doing} {path}: {source}", path = path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not a store, or one of another version.
    #[error("reading the store {path}: {why}", path = path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A store of another app or environment was put in its place.
    #[error("the store {path} belongs to {found}, and not to {wanted}", path = path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// Another key is needed.
    #[error("the store {path} is sealed with the key {needed}, and the key at hand is {given}", path = path.display())]
    OtherKey {
        /// Which.
        path: PathBuf,
        /// The id of the key that it is sealed with.
        needed: String,
        /// The id of the one that there is.
        given: String,
    },
    /// Values that do not open.
    #[error("in the store {path}, this was changed, cut or moved since it was sealed: {what}", path = path.display())]
    Changed {
        /// Which.
        path: PathBuf,
        /// Names and versions.
        what: String,
    },
    /// Each value is right, and not all of them, or others beside them.
    #[error("lines of the store {path} were taken out, added or put back since it was sealed", path = path.display())]
    List {
        /// Which.
        path: PathBuf,
    },
    /// A key that others can read.
    #[error("the key file {path} has the mode {mode:04o}: others than its owner can use it", path = path.display())]
    KeyMode {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Not a key.
    #[error("{source_name} does not hold a key: 32 bytes as base64 or hex")]
    KeyForm {
        /// Where it was looked for.
        source_name: String,
    },
    /// A name that no secret can have.
    #[error("`{name}` cannot be the name of a secret")]
    Name {
        /// The name.
        name: String,
    },
    /// A value that cannot be given to a process.
    #[error("the value for {name} {why}")]
    Value {
        /// The name.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The system has no random numbers, or something was too long to be sealed.
    #[error("sealing failed: the system gave no random bytes")]
    Chance,
}

impl StoreError {
    /// For a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, remedy) = match self {
            Self::File { .. } => {
                (Code::SecretStore, "make sure that this user can read and write it".to_owned())
            }
            Self::Form { path, .. } | Self::Foreign { path, .. } | Self::Changed { path, .. } => (
                Code::SecretStore,
                format!("take the file back as it was committed: git checkout -- {}", path.display()),
            ),
            Self::List { path } => (
                Code::SecretStore,
                format!(
                    "take the file back: git checkout -- {}; after a merge in which every line is meant, seal it anew: \
                     bascule secret rotate ENV --accept-lines",
                    path.display()
                ),
            ),
            Self::OtherKey { needed, .. } => (
                Code::SecretKey,
                format!(
                    "give the key {needed} in BASCULE_KEY, in the file that BASCULE_KEY_FILE names, or by BASCULE_KEY_COMMAND"
                ),
            ),
            Self::KeyMode { path, .. } => (Code::SecretKey, format!("chmod 600 {}", path.display())),
            Self::KeyForm { .. } => (
                Code::SecretKey,
                "give the key as `bascule secret set` made it: one line of 44 characters".to_owned(),
            ),
            Self::Name { .. } => (
                Code::Usage,
                "use letters, digits and _, no digit first; PORT and BASCULE_… are set by Bascule".to_owned(),
            ),
            Self::Value { .. } => (Code::Usage, "give another value on standard input".to_owned()),
            Self::Chance => (Code::Internal, "try again".to_owned()),
        };
        Problem::new(code, self.to_string(), remedy)
    }
}
