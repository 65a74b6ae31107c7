//! A statement where it stands: what a rule looks at.

use bascule_migrations::{Migration, Phase};
use bascule_sql::{Action, Dialect, Effect, Name, Reading, Statement};

use crate::{Context, Database, Live, Severity, history::History};

/// What grows with the rows, and so how many of them are too many to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Every row is looked at: about 0.5 s a million.
    Scan,
    /// An index is built or the table is copied: several seconds a million.
    Build,
}

impl Cost {
    /// Rows up to which nobody notices, and from which it is an outage.
    fn limits(self) -> (u64, u64) {
        match self {
            Self::Scan => (200_000, 5_000_000),
            Self::Build => (20_000, 1_000_000),
        }
    }
}

/// What holds for all of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole {
    /// How many things it does.
    pub(crate) parts: usize,
    /// The file has begun a transaction before it.
    pub(crate) in_transaction: bool,
}

/// A statement, or what of it is done in one phase.
pub(crate) struct Read<'a> {
    pub(crate) statement: &'a Statement,
    pub(crate) reading: Reading,
    pub(crate) effect: Effect,
    pub(crate) phase: Phase,
    pub(crate) whole: Whole,
    /// The statement also does something in a later phase, which is read behind this.
    pub(crate) mixed: bool,
}

/// A statement where it stands.
pub(crate) struct Site<'a> {
    pub(crate) context: &'a Context,
    pub(crate) history: &'a History,
    pub(crate) migration: &'a Migration,
    pub(crate) all: &'a [Read<'a>],
    pub(crate) index: usize,
}

impl<'a> Site<'a> {
    fn here(&self) -> &'a Read<'a> {
        &self.all[self.index]
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.context.dialect
    }

    pub(crate) fn is(&self, dialect: Dialect) -> bool {
        self.dialect() == dialect
    }

    pub(crate) fn statement(&self) -> &'a Statement {
        self.here().statement
    }

    pub(crate) fn effect(&self) -> &'a Effect {
        &self.here().effect
    }

    pub(crate) fn reading(&self) -> &'a Reading {
        &self.here().reading
    }

    pub(crate) fn actions(&self) -> impl Iterator<Item = &'a Action> {
        self.here().reading.actions.iter()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.here().phase
    }

    /// Whether it is the first statement of its migration.
    pub(crate) fn is_first(&self) -> bool {
        self.index == 0
    }

    /// What comes later in the same migration.
    pub(crate) fn later(&self) -> impl Iterator<Item = &'a Read<'a>> {
        self.all[self.index + 1..].iter()
    }

    /// What came before in the same migration.
    pub(crate) fn earlier(&self) -> impl Iterator<Item = &'a Read<'a>> {
        self.all[..self.index].iter()
    }

    /// Whether a release may use the database while this is applied, that does not know of it.
    pub(crate) fn former_runs(&self) -> bool {
        self.context.live != Live::Nobody && self.phase() != Phase::Contract
    }

    /// Whether nobody can have used the table yet: it is made in the same migration, or in the same run.
    pub(crate) fn is_new(&self, table: &Name) -> bool {
        self.history.made_here(table, self.dialect())
            || (matches!(self.context.database, Database::Tables(_))
                && self.history.made(table, self.dialect())
                && self.context.table(table).is_none())
    }

    /// Whether somebody may use the table: it was there before, and a release may run.
    pub(crate) fn is_used(&self, table: &Name) -> bool {
        self.context.live != Live::Nobody && !self.is_new(table)
    }

    /// Whether the release that runs may use the table, and still does when this is applied.
    pub(crate) fn former_uses(&self, table: &Name) -> bool {
        self.former_runs() && !self.is_new(table)
    }

    /// The rows of a table, where they are known; none in a new one.
    pub(crate) fn rows(&self, table: &Name) -> Option<u64> {
        if self.is_new(table) {
            return Some(0);
        }
        self.context.table(table).and_then(|facts| facts.rows)
    }

    /// How severe it is to keep a table's users waiting for so long; nothing where they would not notice.
    pub(crate) fn waiting(&self, table: &Name, cost: Cost, unknown: Severity) -> Option<Severity> {
        if !self.is_used(table) {
            return None;
        }
        let (small, large) = cost.limits();
        match self.rows(table) {
            None => Some(unknown),
            Some(rows) if rows <= small => None,
            Some(rows) if rows < large => Some(Severity::Warning.max(unknown.min(Severity::Warning))),
            Some(_) => Some(Severity::Block),
        }
    }

    /// The rows of a table in words.
    pub(crate) fn about_rows(&self, table: &Name) -> String {
        match self.rows(table) {
            Some(rows) => format!("each of its {} rows", grouped(rows)),
            None => "every row".to_owned(),
        }
    }

    /// Whether the file itself has begun a transaction here.
    pub(crate) fn in_own_transaction(&self) -> bool {
        self.here().whole.in_transaction
    }

    /// Whether the statement does one thing only, and not within a transaction of the file: it can become several.
    pub(crate) fn is_alone(&self) -> bool {
        self.here().whole.parts == 1 && !self.in_own_transaction()
    }

    /// Whether the statement does something now and something in a later phase.
    pub(crate) fn is_mixed(&self) -> bool {
        self.here().mixed
    }

    /// Whether the table goes and comes again in this migration: it is made anew under another name, which is then
    /// given to it.
    pub(crate) fn is_rebuilt(&self, table: &Name) -> bool {
        let dialect = self.dialect();
        let drops = |read: &Read<'_>| {
            read.reading.actions.iter().any(|action| {
                matches!(action, Action::DropTable { tables, .. } if tables.iter().any(|one| one.matches(table, dialect)))
            })
        };
        let becomes = |read: &Read<'_>| {
            read.reading
                .actions
                .iter()
                .any(|action| matches!(action, Action::RenameTable { to, .. } if to.matches(table, dialect)))
        };
        self.all.iter().any(drops) && self.all.iter().any(becomes)
    }

    /// The statement with one word put behind another, for the first time that it stands there.
    pub(crate) fn with_word_behind(&self, word: &str, added: &str) -> Option<String> {
        let text = &self.statement().text;
        let at = find_word(text, word)? + word.len();
        Some(format!("{} {added}{}", &text[..at], &text[at..]))
    }
}

/// Where a word stands in a text, whatever its case.
pub(crate) fn find_word(text: &str, word: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let word = word.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find(&word).map(|at| at + from) {
        let borders =
            |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        let before = at.checked_sub(1).and_then(|before| lower.as_bytes().get(before));
        if borders(before) && borders(lower.as_bytes().get(at + word.len())) {
            return Some(at);
        }
        from = at + word.len();
    }
    None
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{find_word, grouped};

    #[test]
    fn numbers_have_groups() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_word_is_a_whole_one() {
        assert_eq!(find_word("CREATE UNIQUE_INDEX index", "index"), Some(20));
        assert_eq!(find_word("CREATE UNIQUE", "index"), None);
    }
}
