//! What is to be done: the difference between the files and what the database says was applied. Pure.

mod both;
pub mod diff;
mod down;
mod up;

use bascule_sql::Statement;

use self::both::Both;
use crate::folder::MigrationSet;
use crate::migration::{Phase, Turn, Version};

/// What is left of a migration that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contract {
    /// It has none.
    None,
    /// It waits until the former release is gone.
    Waiting,
    /// It was applied, softly at least.
    Done,
}

/// A migration that was applied, as the database's journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// The checksum of the text that was applied.
    pub checksum: String,
    /// Other checksums that a person accepted for it.
    pub accepted: Vec<String>,
    /// The text that was applied, where the journal has it.
    pub up: Option<String>,
    /// What takes it back, where the journal has it.
    pub down: Option<Vec<Statement>>,
    /// Its contract.
    pub contract: Contract,
}

/// Where the schema is to go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Target {
    /// All files.
    #[default]
    Latest,
    /// Up to this version, and it included. What is beyond stays as it is.
    UpTo(String),
    /// Down until this version is the last one; `0` takes everything back.
    DownTo(String),
    /// The last so many back.
    DownBy(usize),
}

/// What happens to a new file whose place is before one that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutOfOrder {
    /// It is applied, and said to be late.
    #[default]
    Apply,
    /// It is an error.
    Refuse,
}

/// What happens when an applied file was edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Edited {
    /// It is an error, with the difference.
    #[default]
    Refuse,
    /// It is listed, and the rest is done.
    Report,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Where to.
    pub target: Target,
    /// New files that come late.
    pub out_of_order: OutOfOrder,
    /// Applied files that were edited.
    pub edited: Edited,
}

/// Why a migration is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is new, and comes after all that were applied.
    New,
    /// It is new, but this one, which comes after it, was applied already.
    Late(Version),
    /// It may run again, and its text has changed.
    Changed,
}

/// A migration to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// Its version.
    pub version: Version,
    /// Why.
    pub reason: Reason,
}

/// Where the SQL of a way back is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownFrom {
    /// The journal has it.
    Journal,
    /// The file has it.
    File,
}

/// A migration to take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revert {
    /// Its version.
    pub version: Version,
    /// Where the SQL is.
    pub from: DownFrom,
    /// Its contract: one that is done has to be undone first.
    pub contract: Contract,
}

/// A file that was edited after it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Its version.
    pub version: Version,
    /// Its file.
    pub path: String,
    /// From the text that was applied to that of the file, as a unified diff; none where the journal does not have the text.
    pub diff: Option<String>,
    /// Its contract: while it waits, it is the file's edited one.
    pub contract: Contract,
}

impl Edit {
    /// What can be done about it.
    pub const CHOICES: [&'static str; 2] = [
        "take the file as it is: its text is accepted for what was applied, and nothing is run",
        "restore the file: it gets the text that was applied back, and the change goes into a new migration",
    ];
}

/// A migration that was applied and has no file here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// Whether the journal can take it back.
    pub down: Option<DownFrom>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Todo {
    /// To apply, in this order.
    pub apply: Vec<Apply>,
    /// To take back, in this order.
    pub revert: Vec<Revert>,
    /// New files beyond the target.
    pub left: Vec<Version>,
    /// Applied migrations that stay, and whose contract waits; in the order of application.
    pub contracts: Vec<Version>,
    /// Applied files that were edited.
    pub edited: Vec<Edit>,
    /// Applied migrations without a file: fine, since the journal has their text; another release has the files.
    pub missing: Vec<Missing>,
}

impl Todo {
    /// Whether nothing is to be applied or taken back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apply.is_empty() && self.revert.is_empty()
    }
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PendingError {
    /// New files come before applied ones.
    #[error(
        "new, but before {after}, which was applied already: {}; give it a version after that one, or allow late migrations",
        versions(late)
    )]
    OutOfOrder {
        /// The new ones.
        late: Vec<Version>,
        /// The last one that was applied.
        after: Version,
    },
    /// Applied files were edited.
    #[error(
        "edited after having been applied: {}; accept the file as it is, or restore the text that was applied",
        versions(&edits.iter().map(|edit| edit.version.clone()).collect::<Vec<_>>())
    )]
    Edited {
        /// Which, with the differences.
        edits: Vec<Edit>,
    },
    /// The target is no version of the files.
    #[error("there is no migration {wanted}{hint}: `bascule migrate status` lists them")]
    NoSuchVersion {
        /// As it was asked for.
        wanted: String,
        /// The nearest.
        hint: String,
    },
    /// The target of a way down was never applied.
    #[error("{wanted} was not applied, so there is no way down to it: the last one that was is {last}")]
    NotApplied {
        /// As it was asked for.
        wanted: Version,
        /// The last one.
        last: Version,
    },
    /// Nothing takes it back.
    #[error(
        "{version} cannot be taken back: neither the journal nor a file says how; write its down side, or stop above it"
    )]
    Irreversible {
        /// Which.
        version: Version,
    },
}

fn versions(list: &[Version]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is to be done. `applied` stands in the order of application.
///
/// # Errors
/// When the target does not exist, what was applied was edited (and that is refused), a new file comes late (and that is refused), or
/// a migration on the way down cannot be taken back.
pub fn pending(set: &MigrationSet, applied: &[Applied], wish: &Wish) -> Result<Todo, PendingError> {
    let both = Both::new(set, applied);
    let mut todo = Todo { missing: missing(&both), edited: edits(&both), ..Todo::default() };
    if wish.edited == Edited::Refuse && !todo.edited.is_empty() {
        return Err(PendingError::Edited { edits: todo.edited });
    }
    match &wish.target {
        Target::Latest => up::up(&both, None, wish.out_of_order, &mut todo)?,
        Target::UpTo(version) => {
            let target = both.file(version).ok_or_else(|| no_such(&both, version))?;
            up::up(&both, Some(&target.version), wish.out_of_order, &mut todo)?;
        }
        Target::DownTo(version) => todo.revert = down::to(&both, version)?,
        Target::DownBy(count) => todo.revert = down::by(&both, *count)?,
    }
    let stays = |one: &&Applied| !todo.revert.iter().any(|revert| revert.version == one.version);
    let waits = |one: &&Applied| one.contract == Contract::Waiting;
    todo.contracts = applied.iter().filter(waits).filter(stays).map(|one| one.version.clone()).collect();
    Ok(todo)
}

fn no_such(both: &Both<'_>, wanted: &str) -> PendingError {
    let known = both.set.migrations.iter().map(|migration| migration.version.0.as_str());
    let known = known.chain(both.applied.iter().map(|one| one.version.0.as_str()));
    PendingError::NoSuchVersion { wanted: wanted.to_owned(), hint: crate::words::meant(wanted, known) }
}

fn missing(both: &Both<'_>) -> Vec<Missing> {
    let gone = |one: &&Applied| both.file(&one.version.0).is_none();
    let one = |one: &Applied| Missing {
        version: one.version.clone(),
        name: one.name.clone(),
        down: one.down.as_ref().map(|_| DownFrom::Journal),
    };
    both.applied.iter().filter(gone).map(one).collect()
}

fn edits(both: &Both<'_>) -> Vec<Edit> {
    let mut edits = vec![];
    for one in both.applied {
        let Some(migration) = both.file(&one.version.0) else { continue };
        let same = one.checksum == migration.checksum || one.accepted.contains(&migration.checksum);
        if same || migration.origin.turn == Turn::Repeatable {
            continue;
        }
        let diff = one.up.as_ref().map(|text| diff::unified(text, &migration.up, "applied", &migration.path));
        edits.push(Edit {
            version: migration.version.clone(),
            path: migration.path.clone(),
            diff,
            contract: one.contract,
        });
    }
    edits
}

/// The contract of a migration that has just been expanded.
#[must_use]
pub fn contract_of(migration: &crate::migration::Migration) -> Contract {
    if migration.has(Phase::Contract) { Contract::Waiting } else { Contract::None }
}
