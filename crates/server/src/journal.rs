//! Which journal this control plane writes to: the state folder's own, or the database that `BASCULE_JOURNAL` names.
//!
//! The folder remembers the database (`journal.json`, without user and password), so that nobody who forgets the variable goes on
//! with an empty journal and takes for unknown what runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bascule_engine::home::Shares;
use bascule_instances::durable::{Access, durable};
use bascule_journal::{Journal, PostgresJournal, SqliteJournal};
use bascule_model::plan::hex;
use bascule_model::problem::{Code, Problem};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The variable that names the database. Its value may hold a password: builds, pipelines and instances do not get it.
pub const VARIABLE: &str = "BASCULE_JOURNAL";
/// The file in the state folder that remembers the database.
const NOTE: &str = "journal.json";
/// The journal in the state folder.
const FILE: &str = "journal.db";

/// The journal, opened.
pub(crate) struct Opened {
    pub journal: Arc<dyn Journal>,
    pub shares: Shares,
    /// Tells those who write to this journal from all others, where it is shared.
    #[cfg_attr(not(feature = "kubernetes"), expect(dead_code, reason = "clusters are what machines share"))]
    pub id: Option<String>,
    /// Where it is, for the log.
    pub place: String,
}

/// What the folder remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// The journal's own name.
    id: String,
    /// Host, port and database.
    place: String,
}

pub(crate) async fn open(state: &Path, environment: &BTreeMap<String, String>) -> Result<Opened, Problem> {
    let noted = read_note(state)?;
    let file = state.join(FILE);
    let address = environment.get(VARIABLE).map(String::as_str).filter(|address| !address.is_empty());
    let Some(address) = address else {
        if let Some(note) = noted {
            return Err(forgotten(state, &note));
        }
        let journal = SqliteJournal::open(&file).await?;
        let place = file.display().to_string();
        return Ok(Opened { journal: Arc::new(journal), shares: Shares::Nothing, id: None, place });
    };
    if file.exists() {
        return Err(has_its_own(&file));
    }
    let journal = PostgresJournal::open(address).await?;
    let note = Note { id: journal.id().to_owned(), place: journal.place().to_owned() };
    match noted {
        Some(noted) if noted.id != note.id => return Err(another(state, &noted, &note)),
        Some(noted) if noted == note => {}
        _ => write_note(state, &note)?,
    }
    let id = Some(hex(&Sha256::digest(note.id.as_bytes())[..6]));
    let place = format!("PostgreSQL, {}", note.place);
    Ok(Opened { journal: Arc::new(journal), shares: Shares::Journal, id, place })
}

fn read_note(state: &Path) -> Result<Option<Note>, Problem> {
    let path = state.join(NOTE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(&path, &error.to_string())),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| unusable(&path, &error.to_string()))
}

fn write_note(state: &Path, note: &Note) -> Result<(), Problem> {
    let path = state.join(NOTE);
    let text = serde_json::to_vec(note).map_err(|error| unusable(&path, &error.to_string()))?;
    durable(&path, &text, Access::Private).map_err(|error| unusable(&path, &error.to_string()))
}

fn unusable(path: &Path, why: &str) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!("{}, which says where the journal is, could not be read or written: {why}", path.display()),
        "make the state folder one that you can write to; a note that is damaged can be removed, it is made anew \
         while BASCULE_JOURNAL is set",
    )
}

fn forgotten(state: &Path, note: &Note) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!(
            "the journal of {} is in PostgreSQL ({}), and BASCULE_JOURNAL is not set",
            state.display(),
            note.place
        ),
        "set BASCULE_JOURNAL as it was, or name another folder with --state",
    )
}

fn another(state: &Path, noted: &Note, found: &Note) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!(
            "the journal of {} is the one at {}, and BASCULE_JOURNAL names another one, at {}",
            state.display(),
            noted.place,
            found.place
        ),
        "set BASCULE_JOURNAL as it was, or name another folder with --state",
    )
}

fn has_its_own(file: &Path) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!("BASCULE_JOURNAL is set, and the state folder has a journal of its own ({})", file.display()),
        "name another folder with --state; or, when nothing of it runs any more, put journal.db and its -wal and \
         -shm away",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: &str) -> Note {
        Note { id: id.to_owned(), place: "db:5432/journal".to_owned() }
    }

    #[tokio::test]
    async fn a_folder_whose_journal_is_in_a_database_does_not_begin_another() {
        let folder = tempfile::tempdir().unwrap();
        write_note(folder.path(), &note("one")).unwrap();
        let refused = open(folder.path(), &BTreeMap::new()).await.err().unwrap();
        assert_eq!(refused.code, Code::StateUnusable);
        assert!(refused.message.contains("db:5432/journal"), "{refused}");
        assert!(!folder.path().join(FILE).exists());
    }

    #[tokio::test]
    async fn a_folder_with_a_journal_of_its_own_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path(), &BTreeMap::new()).await.unwrap());
        let environment =
            [(VARIABLE.to_owned(), "postgres://ann:hunter2@127.0.0.1:1/journal".to_owned())].into();
        let refused = open(folder.path(), &environment).await.err().unwrap();
        assert!(refused.message.contains(FILE), "{refused}");
        assert!(!folder.path().join(NOTE).exists());
    }

    #[test]
    fn a_note_that_is_damaged_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_note(folder.path()).unwrap(), None);
        write_note(folder.path(), &note("one")).unwrap();
        assert_eq!(read_note(folder.path()).unwrap(), Some(note("one")));
        std::fs::write(folder.path().join(NOTE), "{").unwrap();
        assert_eq!(read_note(folder.path()).unwrap_err().code, Code::StateUnusable);
    }
}
