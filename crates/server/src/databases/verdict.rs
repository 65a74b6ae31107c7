//! What a rehearsal said of each way back, kept beside the set of migrations: a way back is proven, not only written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bascule_instances::durable::{Access, durable, make_folder};
use bascule_migrate::rehearse::{Down, Rehearsal, Why};
use bascule_model::problem::{Code, Problem};

/// What is known of ways back, by version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    irreversible: BTreeMap<String, String>,
}

impl Verdicts {
    /// Reads what was kept of a set; nothing where it was never rehearsed.
    #[must_use]
    pub fn read(state: &Path, set: &str) -> Self {
        let kept = std::fs::read(path(state, set)).ok();
        let irreversible = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { irreversible }
    }

    /// Of a rehearsal.
    #[must_use]
    pub fn of(rehearsal: &Rehearsal) -> Self {
        let judged =
            rehearsal.migrations.iter().filter_map(|one| Some((one.version.0.clone(), why(&one.down)?)));
        Self { irreversible: judged.collect() }
    }

    /// Keeps them for a set.
    ///
    /// # Errors
    /// `STATE_UNUSABLE`.
    pub fn keep(&self, state: &Path, set: &str) -> Result<(), Problem> {
        let path = path(state, set);
        let failed = |error: &dyn std::fmt::Display| {
            Problem::new(
                Code::StateUnusable,
                format!("keeping what the rehearsal showed in {}: {error}", path.display()),
                "make the state folder writable, then begin again",
            )
        };
        let bytes = serde_json::to_vec(&self.irreversible).map_err(|error| failed(&error))?;
        make_folder(&state.join("migrations")).map_err(|error| failed(&error))?;
        durable(&path, &bytes, Access::Private).map_err(|error| failed(&error))
    }

    /// Why a version cannot be taken back, as far as that is known.
    #[must_use]
    pub fn irreversible(&self, version: &str) -> Option<&str> {
        self.irreversible.get(version).map(String::as_str)
    }
}

fn path(state: &Path, set: &str) -> PathBuf {
    state.join("migrations").join(format!("{set}.rehearsed.json"))
}

/// Why a way back is none; none where it is one.
pub(super) fn why(down: &Down) -> Option<String> {
    let Down::Irreversible { why, difference } = down else { return None };
    Some(match why {
        Why::Missing => "it has no down".to_owned(),
        Why::Empty => "its down is empty, and it changed the schema".to_owned(),
        Why::Fails { statement, error } => format!("its down fails in line {}: {error}", statement.line),
        Why::Differs => match difference.first() {
            Some(first) => format!("after its down the schema is another than before: {first}"),
            None => "after its down the schema is another than before".to_owned(),
        },
        Why::NotAgain { error, .. } => format!("after its down it cannot be applied again: {error}"),
        Why::OtherwiseAgain => "after its down it makes another schema than the first time".to_owned(),
    })
}
