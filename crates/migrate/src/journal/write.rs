//! What is written into the journal, as SQL that goes along with the statement that it is about.

use bascule_migrations::{Migration, Version};
use bascule_sql::{Dialect, Statement};

use super::clock;
use super::details::{down_text, pack};
use super::record::{Contract, Origin, State};
use super::step::{StepPhase, StepState};
use super::tables::table;
use crate::connection::literal;

/// Who writes.
#[derive(Debug, Clone)]
pub struct Stamp {
    pub owner: String,
    pub run: Option<String>,
    pub release: Option<String>,
    pub epoch: u64,
}

/// Makes the SQL of one runner.
#[derive(Debug, Clone)]
pub struct Writer {
    pub dialect: Dialect,
    pub stamp: Stamp,
}

/// Of which part of which migration a row is.
#[derive(Debug, Clone, Copy)]
pub struct PartKey<'a> {
    pub version: &'a Version,
    pub attempt: u32,
    pub phase: StepPhase,
}

impl Writer {
    fn text(&self, text: &str) -> String {
        literal(self.dialect, text)
    }

    fn optional(&self, text: Option<&str>) -> String {
        text.map_or_else(|| "NULL".to_owned(), |text| self.text(text))
    }

    fn stamp(&self) -> String {
        let Stamp { owner, run, release, .. } = &self.stamp;
        format!(
            "{}, {}, {}",
            self.text(owner),
            self.optional(run.as_deref()),
            self.optional(release.as_deref())
        )
    }

    fn table(&self, name: &str) -> String {
        table(self.dialect, name)
    }

    fn now(&self) -> &'static str {
        clock::now(self.dialect)
    }

    /// Fails, with an error that says nothing, when another runner has the database.
    pub fn fence(&self) -> String {
        let (lease, epoch) = (self.table("lease"), self.stamp.epoch);
        match self.dialect {
            // The row stays as it is until the transaction ends: who takes over waits for it.
            Dialect::Postgres => {
                format!(
                    "SELECT 1 / count(*)::int FROM (SELECT FROM {lease} WHERE epoch = {epoch} FOR SHARE) AS held"
                )
            }
            // A subquery of two rows is an error.
            Dialect::Mysql => format!(
                "SELECT (SELECT 1 UNION ALL SELECT 2 FROM dual WHERE NOT EXISTS \
                 (SELECT 1 FROM {lease} WHERE epoch = {epoch} LOCK IN SHARE MODE))"
            ),
            // An overflow is an error.
            Dialect::Sqlite => format!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM {lease} WHERE epoch = {epoch}) THEN 1 \
                 ELSE abs(-9223372036854775807 - 1) END"
            ),
        }
    }

    /// Enters a migration, or enters it anew after it was reverted.
    pub fn enter(&self, entry: &Entering<'_>) -> String {
        let Entering { migration, position, attempt, state, contract, origin, row } = *entry;
        let applied = if state == State::Applied { self.now() } else { "NULL" };
        let contracted = if contract == Contract::Done { self.now() } else { "NULL" };
        let values = format!(
            "{version}, {position}, {name}, {path}, {checksum}, '{state}', '{contract}', '{origin}', {attempt}, {up}, \
             {down}, {parts}, {stamp}, '{engine}', {applied}, {contracted}",
            version = self.text(&migration.version.0),
            name = self.text(&migration.name),
            path = self.text(&migration.path),
            checksum = self.text(&migration.checksum),
            up = self.text(&migration.up),
            down = self.optional(down_text(migration).as_deref()),
            parts = self.text(&pack(migration)),
            stamp = self.stamp(),
            engine = env!("CARGO_PKG_VERSION"),
        );
        let columns = "version, position, name, path, checksum, state, contract, origin, attempt, up, down, parts, \
                       owner, run, release_name, engine, applied_at, contracted_at";
        let insert = format!("INSERT INTO {} ({columns}) VALUES ({values})", self.table("migration"));
        if row == Before::Absent {
            return insert;
        }
        // What is there is what was reverted, or what was begun and whose file was corrected.
        let renewed = columns.split(", ").skip(1);
        match self.dialect {
            Dialect::Postgres | Dialect::Sqlite => {
                let set: Vec<String> = renewed.map(|name| format!("{name} = excluded.{name}")).collect();
                format!("{insert} ON CONFLICT (version) DO UPDATE SET {}, reverted_at = NULL", set.join(", "))
            }
            Dialect::Mysql => {
                let set: Vec<String> = renewed.map(|name| format!("{name} = VALUES({name})")).collect();
                format!("{insert} ON DUPLICATE KEY UPDATE {}, reverted_at = NULL", set.join(", "))
            }
        }
    }

    /// Says how far a migration is.
    pub fn state(&self, version: &Version, state: State) -> String {
        let time = match state {
            State::Applied => format!(", applied_at = {}, reverted_at = NULL", self.now()),
            State::Reverted => format!(", reverted_at = {}", self.now()),
            State::Applying | State::Reverting => String::new(),
        };
        self.update(version, &format!("state = '{state}'{time}"))
    }

    /// Says how far a migration's contract is, and what that means for releases.
    pub fn contract(&self, version: &Version, contract: Contract) -> Vec<String> {
        let time = if contract == Contract::Done { self.now() } else { "NULL" };
        let mut list =
            vec![self.update(version, &format!("contract = '{contract}', contracted_at = {time}"))];
        match contract {
            Contract::Done => list.extend(self.compat(version)),
            Contract::None | Contract::Waiting => list.push(self.no_compat(version)),
            Contract::Applying => {}
        }
        list
    }

    /// From now on every release has to carry that migration.
    pub fn compat(&self, version: &Version) -> [String; 2] {
        let insert = format!(
            "INSERT INTO {} (version, contracted_at, run, release_name) VALUES ({}, {}, {}, {})",
            self.table("compat"),
            self.text(&version.0),
            self.now(),
            self.optional(self.stamp.run.as_deref()),
            self.optional(self.stamp.release.as_deref()),
        );
        [self.no_compat(version), insert]
    }

    fn no_compat(&self, version: &Version) -> String {
        format!("DELETE FROM {} WHERE version = {}", self.table("compat"), self.text(&version.0))
    }

    fn update(&self, version: &Version, set: &str) -> String {
        format!("UPDATE {} SET {set} WHERE version = {}", self.table("migration"), self.text(&version.0))
    }

    /// Enters a statement. `seen_before` is an expression of SQL.
    pub fn step(
        &self,
        part: PartKey<'_>,
        number: usize,
        statement: &Statement,
        outcome: &Outcome<'_>,
    ) -> Vec<String> {
        let (state, seen_before, finished) = match outcome {
            Outcome::Running { seen_before } => (StepState::Running, *seen_before, "NULL"),
            Outcome::Done => (StepState::Done, "NULL", self.now()),
        };
        // A statement that was begun before and did not come about is begun anew.
        let mut list = Vec::new();
        if matches!(outcome, Outcome::Running { .. }) {
            list.push(self.forget(part, number));
        }
        list.push(format!(
            "INSERT INTO {table} (version, attempt, phase, number, line, statement, state, seen_before, epoch, \
             retries, lock_wait, owner, run, release_name, started_at, finished_at) VALUES ({version}, {attempt}, \
             '{phase}', {number}, {line}, {text}, '{state}', {seen_before}, {epoch}, 0, 0, {stamp}, {begun}, {finished})",
            table = self.table("step"),
            version = self.text(&part.version.0),
            attempt = part.attempt,
            phase = part.phase,
            line = statement.line,
            text = self.text(&statement.text),
            epoch = self.stamp.epoch,
            stamp = self.stamp(),
            begun = clock::begun(self.dialect),
        ));
        list
    }

    /// Asks what the catalog said before a statement was sent.
    pub fn seen_before(&self, part: PartKey<'_>, number: usize) -> String {
        format!("SELECT seen_before FROM {} WHERE {}", self.table("step"), self.of(part, number))
    }

    /// Takes a statement's row away.
    pub fn forget(&self, part: PartKey<'_>, number: usize) -> String {
        format!("DELETE FROM {} WHERE {}", self.table("step"), self.of(part, number))
    }

    /// Takes the rows of statements away that are not applied: a file that was corrected may not have them any more.
    pub fn forget_open(&self, part: PartKey<'_>) -> String {
        format!("DELETE FROM {} WHERE {} AND state <> 'done'", self.table("step"), self.of_part(part))
    }

    /// Says what came of a statement that stands there as running.
    pub fn ended(&self, part: PartKey<'_>, number: usize, state: StepState, error: Option<&str>) -> String {
        format!(
            "UPDATE {} SET state = '{state}', error = {}, finished_at = {} WHERE {}",
            self.table("step"),
            self.optional(error),
            self.now(),
            self.of(part, number),
        )
    }

    /// Says how often statements were tried, and how long they waited for locks, in milliseconds.
    pub fn waited(&self, part: PartKey<'_>, numbers: &[usize], retries: u32, lock_wait: u64) -> String {
        let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        format!(
            "UPDATE {} SET retries = {retries}, lock_wait = {lock_wait} WHERE {} AND number IN ({})",
            self.table("step"),
            self.of_part(part),
            list.join(", "),
        )
    }

    /// Accepts another checksum for a migration.
    pub fn accept(&self, version: &Version, checksum: &str) -> Vec<String> {
        let table = self.table("accepted");
        let (version, checksum) = (self.text(&version.0), self.text(checksum));
        vec![
            format!("DELETE FROM {table} WHERE version = {version} AND checksum = {checksum}"),
            format!(
                "INSERT INTO {table} (version, checksum, owner, noted_at) VALUES ({version}, {checksum}, {}, {})",
                self.text(&self.stamp.owner),
                self.now(),
            ),
        ]
    }

    /// Takes a migration and its steps out of the journal.
    pub fn drop(&self, version: &Version) -> Vec<String> {
        let version = self.text(&version.0);
        let tables = ["step", "accepted", "compat", "migration"];
        tables
            .iter()
            .map(|name| format!("DELETE FROM {} WHERE version = {version}", self.table(name)))
            .collect()
    }

    fn of(&self, part: PartKey<'_>, number: usize) -> String {
        format!("{} AND number = {number}", self.of_part(part))
    }

    fn of_part(&self, part: PartKey<'_>) -> String {
        let PartKey { version, attempt, phase } = part;
        format!("version = {} AND attempt = {attempt} AND phase = '{phase}'", self.text(&version.0))
    }
}

/// What is entered of a migration.
#[derive(Debug, Clone, Copy)]
pub struct Entering<'a> {
    pub migration: &'a Migration,
    pub position: u64,
    pub attempt: u32,
    pub state: State,
    pub contract: Contract,
    pub origin: Origin,
    pub row: Before,
}

/// Whether the journal has a row of a migration already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It has none.
    Absent,
    /// It may have one, which is replaced.
    Present,
}

/// With what a statement is entered.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// It is sent afterwards; what the catalog says before, as an expression of SQL.
    Running { seen_before: &'a str },
    /// It was sent in the same transaction.
    Done,
}
