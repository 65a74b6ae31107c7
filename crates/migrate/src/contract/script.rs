//! What is run so that something goes softly, comes back, or goes for good. Pure.

use bascule_sql::{Dialect, Name};

use super::error::Error;
use super::facts::{Facts, NotValid, Way};
use super::keepers;
use super::name::tombstone_name;
use super::soften::Burial;
use super::tombstone::Kind;
use crate::identifier;

/// What is run so that something goes softly, comes back, or goes for good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// In order.
    pub run: Vec<String>,
    /// What brings it back.
    pub undo: Vec<String>,
    /// What takes it for good; empty when nothing is left to take.
    pub hard: Vec<String>,
    /// The name under which it is kept.
    pub renamed: Option<String>,
    /// What does not come back with the undo.
    pub note: Option<String>,
}

/// The script; none when the drop is run as it is written, because there is nothing to lose.
///
/// # Errors
/// When others need the thing, and when it cannot go softly.
pub fn script(burial: &Burial, facts: &Facts, dialect: Dialect) -> Result<Option<Script>, Error> {
    if burial.kind.waits() {
        let hard = vec![burial.statement.text.clone()];
        return Ok(Some(Script { hard, ..Script::default() }));
    }
    if burial.kind == Kind::Change {
        let run = vec![burial.statement.text.clone()];
        return Ok(Some(Script { run, undo: burial.inverse.clone(), ..Script::default() }));
    }
    if !facts.there || (facts.empty && burial.kind.holds_data()) {
        return Ok(None);
    }
    if !facts.dependents.is_empty() {
        let what = burial.words();
        if !burial.cascade {
            return Err(Error::Needed { what, dependents: facts.dependents.clone() });
        }
        if !burial.kind.holds_data() {
            let reason =
                "CASCADE would take others with it whose definitions nobody keeps; drop those by name";
            return Err(Error::NotSoft { what, reason });
        }
    }
    let maker = Maker { burial, facts, dialect, renamed: tombstone_name(burial.own_name(), &burial.id) };
    match (burial.kind, facts.way) {
        (Kind::Column, _) if facts.column.primary => Err(Error::PrimaryKey { what: burial.words() }),
        (Kind::Column, Way::Rename) => Ok(Some(maker.column())),
        (Kind::Column, Way::Copy) => Ok(Some(maker.copied_column())),
        (Kind::Table, Way::Rename) => Ok(Some(maker.table())),
        (Kind::Table, Way::Copy) => Ok(Some(maker.copied_table())),
        _ if facts.definitions.is_empty() => {
            Err(Error::NotSoft { what: burial.words(), reason: "the server does not tell its definition" })
        }
        _ => Ok(Some(Script {
            run: vec![burial.statement.text.clone()],
            undo: facts.definitions.clone(),
            ..Script::default()
        })),
    }
}

struct Maker<'a> {
    burial: &'a Burial,
    facts: &'a Facts,
    dialect: Dialect,
    renamed: String,
}

impl Maker<'_> {
    fn quote(&self, name: &str) -> String {
        identifier(self.dialect, name)
    }

    /// A name in the schema of the thing.
    fn beside(&self, name: &Name, bare: &str) -> String {
        let bare = self.quote(bare);
        name.schema.as_deref().map_or_else(|| bare.clone(), |schema| format!("{}.{bare}", self.quote(schema)))
    }

    fn cascade(&self) -> &'static str {
        if self.burial.cascade && self.dialect == Dialect::Postgres { " CASCADE" } else { "" }
    }

    fn without_constraints(&self) -> Vec<String> {
        let drop = if self.dialect == Dialect::Mysql { "FOREIGN KEY" } else { "CONSTRAINT" };
        let text = |constraint: &super::Constraint| {
            format!("ALTER TABLE {} DROP {drop} {}", constraint.table, self.quote(&constraint.name))
        };
        self.facts.constraints.iter().map(text).collect()
    }

    /// They come back without a look at the rows that are there: rows came without them meanwhile.
    fn with_constraints(&self) -> Vec<String> {
        let text = |constraint: &super::Constraint| {
            let table = &constraint.table;
            if self.dialect == Dialect::Mysql {
                return format!("ALTER TABLE {table} ADD {}", constraint.definition);
            }
            let valid =
                constraint.not_valid == NotValid::Impossible || constraint.definition.ends_with("NOT VALID");
            let not_valid = if valid { "" } else { " NOT VALID" };
            let name = self.quote(&constraint.name);
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} {}{not_valid}", constraint.definition)
        };
        let mut back: Vec<_> = self.facts.constraints.iter().map(text).collect();
        if self.dialect == Dialect::Mysql && !back.is_empty() {
            back.insert(0, "SET SESSION foreign_key_checks = 0".to_owned());
            back.push("SET SESSION foreign_key_checks = DEFAULT".to_owned());
        }
        back
    }

    fn table(&self) -> Script {
        let name = &self.burial.name;
        let kept = self.beside(name, &self.renamed);
        // Elsewhere than in MySQL, a table stays in its schema.
        let to = |bare: &str| match self.dialect {
            Dialect::Mysql => self.beside(name, bare),
            Dialect::Postgres | Dialect::Sqlite => self.quote(bare),
        };
        let mut run = self.without_constraints();
        run.push(format!("ALTER TABLE {} RENAME TO {}", name.written, to(&self.renamed)));
        let mut undo = vec![format!("ALTER TABLE {kept} RENAME TO {}", to(&name.name))];
        undo.extend(self.with_constraints());
        let hard = vec![format!("DROP TABLE IF EXISTS {kept}{}", self.cascade())];
        Script { run, undo, hard, renamed: Some(self.renamed.clone()), note: None }
    }

    fn column(&self) -> Script {
        let table = &self.burial.name.written;
        let facts = &self.facts.column;
        let (own, kept) = (self.quote(self.burial.own_name()), self.quote(&self.renamed));
        let mut run = self.without_constraints();
        let mut undo = Vec::new();
        let rename = |from: &str, to: &str| format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}");
        match self.dialect {
            Dialect::Mysql if facts.required => {
                // In one statement, since each is a commit of its own.
                let optional = optional(&facts.definition);
                run.push(format!("ALTER TABLE {table} CHANGE COLUMN {own} {kept} {optional}"));
                undo.push(format!("ALTER TABLE {table} CHANGE COLUMN {kept} {own} {optional}"));
            }
            Dialect::Postgres if !facts.computed && (facts.not_null || facts.default.is_some()) => {
                let mut actions = Vec::new();
                if facts.not_null {
                    actions.push(format!("ALTER COLUMN {own} DROP NOT NULL"));
                }
                if facts.default.is_some() {
                    actions.push(format!("ALTER COLUMN {own} DROP DEFAULT"));
                }
                run.push(format!("ALTER TABLE {table} {}", actions.join(", ")));
                run.push(rename(&own, &kept));
                undo.push(rename(&kept, &own));
                if let Some(default) = &facts.default {
                    undo.push(format!("ALTER TABLE {table} ALTER COLUMN {own} SET DEFAULT {default}"));
                }
            }
            _ => {
                run.push(rename(&own, &kept));
                undo.push(rename(&kept, &own));
            }
        }
        let keepers = keepers::of(&self.facts.keepers, self.burial, &self.renamed, self.dialect);
        let (run, mut undo) = keepers.around(run, undo);
        undo.extend(self.with_constraints());
        let drop = match self.dialect {
            Dialect::Postgres => {
                format!("ALTER TABLE IF EXISTS {table} DROP COLUMN IF EXISTS {kept}{}", self.cascade())
            }
            Dialect::Mysql | Dialect::Sqlite => format!("ALTER TABLE {table} DROP COLUMN {kept}"),
        };
        let mut hard = keepers.hard;
        hard.push(drop);
        let lost = facts.not_null && !facts.computed && (facts.required || self.dialect == Dialect::Postgres);
        Script { run, undo, hard, renamed: Some(self.renamed.clone()), note: lost.then(not_null) }
    }

    fn copied_column(&self) -> Script {
        let table = &self.burial.name.written;
        let facts = &self.facts.column;
        let (own, kept) = (self.quote(self.burial.own_name()), self.quote(&self.renamed));
        let key: Vec<_> = self.facts.columns.iter().map(|column| self.quote(column)).collect();
        let named =
            key.iter().enumerate().map(|(at, column)| format!("{column} AS key{at}")).collect::<Vec<_>>();
        let joined = key
            .iter()
            .enumerate()
            .map(|(at, column)| format!("kept.key{at} = {table}.{column}"))
            .collect::<Vec<_>>();
        let default = facts.default.as_deref().filter(|default| constant(default));
        let default = default.map_or_else(String::new, |default| format!(" DEFAULT {default}"));
        // They go first: SQLite drops no column that a trigger speaks of.
        let mut run: Vec<_> = self.facts.keepers.iter().map(|keeper| keeper.drop.clone()).collect();
        run.push(format!("CREATE TABLE {kept} AS SELECT {}, {own} AS value FROM {table}", named.join(", ")));
        run.push(format!("ALTER TABLE {table} DROP COLUMN {own}"));
        let mut script = Script {
            run,
            undo: vec![
                format!("ALTER TABLE {table} ADD COLUMN {own} {}{default}", facts.definition),
                format!(
                    "UPDATE {table} SET {own} = kept.value FROM {kept} AS kept WHERE {}",
                    joined.join(" AND ")
                ),
                format!("DROP TABLE {kept}"),
            ],
            hard: vec![format!("DROP TABLE IF EXISTS {kept}")],
            renamed: Some(self.renamed.clone()),
            note: facts.not_null.then(not_null),
        };
        script.undo.extend(self.facts.keepers.iter().map(|keeper| keeper.definition.clone()));
        script
    }

    fn copied_table(&self) -> Script {
        let table = &self.burial.name.written;
        let kept = self.quote(&self.renamed);
        let columns: Vec<_> = self.facts.columns.iter().map(|column| self.quote(column)).collect();
        let columns = columns.join(", ");
        let mut undo = self.facts.definitions.clone();
        let place = usize::from(!undo.is_empty());
        undo.insert(place, format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {kept}"));
        undo.push(format!("DROP TABLE {kept}"));
        Script {
            run: vec![
                format!("CREATE TABLE {kept} AS SELECT {columns} FROM {table}"),
                format!("DROP TABLE {table}"),
            ],
            undo,
            hard: vec![format!("DROP TABLE IF EXISTS {kept}")],
            renamed: Some(self.renamed.clone()),
            note: None,
        }
    }
}

fn not_null() -> String {
    "it comes back without NOT NULL: rows that came since have no value there".to_owned()
}

/// A definition of MySQL's without its `NOT NULL`, which is looked for outside of quotes.
fn optional(definition: &str) -> String {
    let mut quote = None;
    for (at, byte) in definition.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, b'\'' | b'"' | b'`') => quote = Some(byte),
            (None, b' ') if definition.as_bytes()[at..].starts_with(b" NOT NULL") => {
                return format!("{} NULL{}", &definition[..at], &definition[at + " NOT NULL".len()..]);
            }
            _ => {}
        }
    }
    definition.to_owned()
}

/// Whether SQLite takes it as the default of a column that is added to rows that are there.
fn constant(default: &str) -> bool {
    let text = default.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    text.is_some_and(|text| !text.replace("''", "").contains('\'')) || default.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests;
