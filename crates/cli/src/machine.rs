//! This machine, as the rest of the program gets to know it: environment variables, the clock, the user, the program's own file.
//!
//! Holds: `std::env` and the wall clock are asked in this module alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bascule_model::problem::{Code, Problem};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What is outside of the program.
#[derive(Debug, Clone, Copy)]
pub struct Machine(());

#[expect(clippy::disallowed_methods, reason = "the wiring: everything else gets these from here")]
impl Machine {
    /// The machine that the program runs on.
    pub fn here() -> Self {
        Self(())
    }

    /// The time zone that times are shown in. Looked for when a time is shown: most commands show none, and there are hundreds of files of zones.
    pub fn zone(&self) -> TimeZone {
        TimeZone::system()
    }

    /// An environment variable that is set, not empty, and text.
    pub fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// All environment variables.
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        std::env::vars_os().collect()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Machine {
    /// The state folder, absolute: what `--state` or `BASCULE_STATE` says, else the user's state folder.
    ///
    /// # Errors
    /// `STATE_UNUSABLE` when there is neither a folder given nor a home.
    pub fn state_folder(&self, given: Option<&Path>) -> Result<PathBuf, Problem> {
        let folder = match given {
            Some(given) => given.to_owned(),
            None => self.user_state_folder().ok_or_else(|| {
                Problem::new(
                    Code::StateUnusable,
                    "looking for the state folder: neither XDG_STATE_HOME nor HOME is set",
                    "name a folder with --state DIR or BASCULE_STATE",
                )
            })?,
        };
        std::path::absolute(&folder).map_err(|error| {
            Problem::new(
                Code::StateUnusable,
                format!("looking for the state folder {}: {error}", folder.display()),
                "name a folder with --state DIR or BASCULE_STATE",
            )
        })
    }

    fn user_state_folder(&self) -> Option<PathBuf> {
        // A relative one is to be ignored, says the XDG base directory specification.
        let xdg = self.variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || self.variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        Some(xdg.or_else(home)?.join("bascule"))
    }

    /// Who is at the keyboard, `user@host`, for the audit trail.
    pub fn actor(&self) -> String {
        let user = self.variable("USER").or_else(|| self.variable("LOGNAME"));
        let uid = rustix::process::getuid().as_raw();
        let user = user.or_else(|| named_user(uid)).unwrap_or_else(|| format!("uid-{uid}"));
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        format!("{user}@{host}")
    }

    /// The program's own file. After an upgrade that replaced it, the new one.
    ///
    /// # Errors
    /// `INTERNAL` when the system does not say.
    pub fn program(&self) -> Result<PathBuf, Problem> {
        let path = std::env::current_exe().map_err(|error| {
            Problem::new(
                Code::Internal,
                format!("looking for the program's own file: {error}"),
                "make sure that /proc is mounted",
            )
        })?;
        // What the kernel appends when the file it was started from is no longer in its place.
        let replaced = path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
        Ok(replaced.unwrap_or(path))
    }

    /// The folder that the program was called in.
    pub fn current_folder(&self) -> PathBuf {
        std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
    }
}

/// The user's name in the machine's own list.
fn named_user(uid: u32) -> Option<String> {
    let list = std::fs::read_to_string("/etc/passwd").ok()?;
    let uid = uid.to_string();
    let mut users = list.lines().map(|line| line.split(':').collect::<Vec<_>>());
    users.find(|fields| fields.get(2) == Some(&uid.as_str())).map(|fields| fields[0].to_owned())
}
