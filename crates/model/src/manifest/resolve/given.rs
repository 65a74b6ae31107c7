//! What an environment is resolved with: all that does not stand in the manifest.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroize as _;

/// What is outside of the manifest.
pub struct Given<'a> {
    /// The caller's own environment.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
    /// The env file; none when there is none.
    pub env_file: Option<EnvFile<'a>>,
    /// The values of secrets by name: what the store has, and what `[secrets]` names.
    pub secrets: BTreeMap<String, GivenSecret>,
    /// What is in the files of `manifests`, by what is written there; nothing for files that are not there.
    pub objects: BTreeMap<String, Vec<GivenObject>>,
}

/// An object for a cluster, as it was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenObject {
    /// The file, relative to the manifest's folder.
    pub file: String,
    /// The line where it begins, from 1.
    pub line: usize,
    /// What it is.
    pub object: serde_json::Value,
}

/// An env file that was read.
#[derive(Clone, Copy)]
pub struct EnvFile<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// A secret that was fetched. It is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct GivenSecret {
    /// Its value.
    pub value: String,
    /// Its version, where it came from the store.
    pub version: Option<u32>,
}

impl Drop for GivenSecret {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl fmt::Debug for GivenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenSecret(***)")
    }
}

/// Which layer of the configuration says what a variable is, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// `env` of the manifest.
    Manifest,
    /// `env` of the environment.
    Environment,
    /// The env file.
    EnvFile,
    /// A secret.
    Secret,
    /// The environment of the caller.
    Caller,
    /// `env` of a service, which counts for that one alone.
    Service,
}

/// What every shell has, and nobody means to hand on: not taken in place of what the manifest says.
const OF_EVERY_SHELL: [&str; 18] = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "PWD", "OLDPWD", "TZ",
    "HOSTNAME", "HOST", "TMPDIR", "SHLVL", "MAIL", "EDITOR", "DISPLAY",
];

/// Whether the caller's environment may say what a declared variable is.
pub(super) fn may_come_from_caller(name: &str) -> bool {
    !OF_EVERY_SHELL.contains(&name) && !name.starts_with("LC_") && !name.starts_with("XDG_")
}
