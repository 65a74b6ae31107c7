//! What is there after all that was applied, and what is not any more: the statements of the journal, one after the other. Pure.

use std::collections::BTreeMap;
use std::fmt;

use bascule_migrations::Version;
use bascule_sql::{Action, CreateIndex, Dialect, IndexColumn, Name, Statement, read};
use serde::{Deserialize, Serialize};

/// A table, a column or an index, as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Thing {
    /// A table.
    Table {
        /// Its schema, where one was written.
        schema: Option<String>,
        /// Its name.
        table: String,
    },
    /// A column.
    Column {
        /// The schema of its table, where one was written.
        schema: Option<String>,
        /// Its table.
        table: String,
        /// Its name.
        column: String,
    },
    /// An index.
    Index {
        /// The schema of its table, where one was written.
        schema: Option<String>,
        /// Its table.
        table: String,
        /// Its name.
        index: String,
    },
}

impl Thing {
    /// The schema that was written, and the table.
    pub fn table(&self) -> (Option<&str>, &str) {
        match self {
            Self::Table { schema, table }
            | Self::Column { schema, table, .. }
            | Self::Index { schema, table, .. } => (schema.as_deref(), table),
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (schema, table) = self.table();
        let schema = schema.map(|schema| format!("{schema}.")).unwrap_or_default();
        match self {
            Self::Table { .. } => write!(f, "table {schema}{table}"),
            Self::Column { column, .. } => write!(f, "column {schema}{table}.{column}"),
            Self::Index { index, .. } => write!(f, "index {index} of {schema}{table}"),
        }
    }
}

/// The statement that a thing's coming or going is told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its migration.
    pub version: Version,
    /// The statement.
    pub statement: Statement,
    /// Whether the statement makes this thing and nothing else, so that it can be sent again for it.
    pub alone: bool,
}

/// What was applied of a migration.
pub struct Applied {
    /// Which.
    pub version: Version,
    /// Its expand.
    pub expand: Vec<Statement>,
    /// Its contract, where that was made.
    pub contract: Vec<Statement>,
    /// Whether it stands; else it was taken back.
    pub stands: bool,
}

/// What is to be there, and what is not to be.
#[derive(Debug, Default)]
pub struct Expected {
    pub there: BTreeMap<Thing, Origin>,
    pub gone: BTreeMap<Thing, Origin>,
    columns: BTreeMap<Thing, Vec<String>>,
}

/// Goes through all of it, in the order of application.
pub fn expected(dialect: Dialect, applied: impl Iterator<Item = Applied>) -> Expected {
    let mut expected = Expected::default();
    let mut reverted = Vec::new();
    for one in applied {
        if !one.stands {
            reverted.push(one);
            continue;
        }
        for statement in one.expand.iter().chain(&one.contract) {
            expected.follow(dialect, &one.version, statement);
        }
    }
    // What was taken back is gone, unless another migration made it.
    for one in reverted {
        let mut alone = Expected::default();
        for statement in &one.expand {
            alone.follow(dialect, &one.version, statement);
        }
        for (thing, origin) in alone.there {
            let within = Thing::Table {
                schema: thing.table().0.map(str::to_owned),
                table: thing.table().1.to_owned(),
            };
            // Of a table that is not to be there, its columns need not be told.
            if !expected.there.contains_key(&thing)
                && (thing == within || !expected.gone.contains_key(&within))
            {
                expected.gone.insert(thing, origin);
            }
        }
    }
    expected
}

impl Expected {
    fn follow(&mut self, dialect: Dialect, version: &Version, statement: &Statement) {
        let actions = read(statement, dialect).actions;
        let origin =
            Origin { version: version.clone(), statement: statement.clone(), alone: actions.len() == 1 };
        for action in &actions {
            self.act(action, &origin);
        }
    }

    fn act(&mut self, action: &Action, origin: &Origin) {
        match action {
            Action::CreateTable(made) if !made.temporary && !made.if_not_exists => {
                self.comes(table(&made.table), origin.clone());
                let with = Origin { alone: false, ..origin.clone() };
                for one in &made.columns {
                    self.comes(column(&made.table, &one.name), with.clone());
                }
            }
            Action::DropTable { tables, temporary: false, .. } => {
                for one in tables {
                    self.table_goes(one, origin);
                }
            }
            Action::RenameTable { table: from, to } => self.renamed(from, to, origin),
            Action::AddColumn { table, column: added, if_not_exists: false, .. } => {
                self.comes(column(table, &added.name), origin.clone());
            }
            Action::DropColumn { table, column: name, .. } => {
                self.indexes_go_with(table, name);
                self.goes(column(table, name), origin);
            }
            Action::RenameColumn { table, column: name, to } => self.column_renamed(table, name, to, origin),
            Action::ModifyColumn { table, column: name, to, .. } if *name != to.name => {
                self.column_renamed(table, name, &to.name, origin);
            }
            Action::CreateIndex(made) => self.index_comes(made, origin),
            Action::DropIndex { indexes, .. } => {
                for one in indexes {
                    let found = self.there.keys().find(|thing| is_index(thing, &one.name)).cloned();
                    if let Some(thing) = found {
                        self.goes(thing, origin);
                    }
                }
            }
            Action::AlterIndex { index, to: Some(to) } => {
                let found = self.there.keys().find(|thing| is_index(thing, &index.name)).cloned();
                if let Some(Thing::Index { schema, table, index }) = found {
                    self.there.remove(&Thing::Index { schema: schema.clone(), table: table.clone(), index });
                    let with = Origin { alone: false, ..origin.clone() };
                    self.comes(Thing::Index { schema, table, index: to.clone() }, with);
                }
            }
            // Something else has its name now.
            Action::CreateView { view, .. } => {
                self.gone.remove(&table(view));
            }
            _ => {}
        }
    }

    fn comes(&mut self, thing: Thing, origin: Origin) {
        self.gone.remove(&thing);
        self.there.insert(thing, origin);
    }

    fn goes(&mut self, thing: Thing, origin: &Origin) {
        // What no migration made is not known well enough to be missed.
        if self.there.remove(&thing).is_some() {
            self.gone.insert(thing, origin.clone());
        }
    }

    fn index_comes(&mut self, made: &CreateIndex, origin: &Origin) {
        let Some(index) = made.index.as_ref().filter(|_| !made.if_not_exists) else { return };
        let thing = Thing::Index {
            schema: made.table.schema.clone(),
            table: made.table.name.clone(),
            index: index.name.clone(),
        };
        let columns = made.columns.iter().map(|one| match one {
            IndexColumn::Column { name } => name.clone(),
            IndexColumn::Expression { written } => written.clone(),
        });
        self.columns.insert(thing.clone(), columns.collect());
        self.comes(thing, origin.clone());
    }

    /// An index goes with a column that it goes by, and perhaps with one that an expression names.
    fn indexes_go_with(&mut self, table: &Name, column: &str) {
        let columns = &self.columns;
        self.there.retain(|thing, _| {
            let of_table = matches!(thing, Thing::Index { .. }) && thing.table().1 == table.name;
            let named = columns.get(thing).is_some_and(|all| all.iter().any(|one| one.contains(column)));
            !(of_table && named)
        });
    }

    fn table_goes(&mut self, gone: &Name, origin: &Origin) {
        let of_table = |thing: &Thing| thing.table() == (gone.schema.as_deref(), gone.name.as_str());
        self.there.retain(|thing, _| matches!(thing, Thing::Table { .. }) || !of_table(thing));
        self.goes(table(gone), origin);
    }

    fn renamed(&mut self, from: &Name, to: &Name, origin: &Origin) {
        let schema = to.schema.clone().or_else(|| from.schema.clone());
        let moved: Vec<Thing> = self
            .there
            .keys()
            .filter(|thing| thing.table() == (from.schema.as_deref(), from.name.as_str()))
            .cloned()
            .collect();
        for thing in moved {
            self.there.remove(&thing);
            let (schema, table) = (schema.clone(), to.name.clone());
            let columns = self.columns.remove(&thing);
            let now = match thing {
                Thing::Table { .. } => Thing::Table { schema, table },
                Thing::Column { column, .. } => Thing::Column { schema, table, column },
                Thing::Index { index, .. } => Thing::Index { schema, table, index },
            };
            if let Some(columns) = columns {
                self.columns.insert(now.clone(), columns);
            }
            self.comes(now, Origin { alone: false, ..origin.clone() });
        }
    }

    fn column_renamed(&mut self, table: &Name, from: &str, to: &str, origin: &Origin) {
        if self.there.remove(&column(table, from)).is_some() {
            self.comes(column(table, to), Origin { alone: false, ..origin.clone() });
        }
        for (thing, columns) in &mut self.columns {
            if thing.table().1 == table.name {
                columns.iter_mut().filter(|one| *one == from).for_each(|one| to.clone_into(one));
            }
        }
    }
}

fn is_index(thing: &Thing, name: &str) -> bool {
    matches!(thing, Thing::Index { index, .. } if index == name)
}

fn table(name: &Name) -> Thing {
    Thing::Table { schema: name.schema.clone(), table: name.name.clone() }
}

fn column(table: &Name, column: &str) -> Thing {
    Thing::Column { schema: table.schema.clone(), table: table.name.clone(), column: column.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bascule_sql::split;

    fn words(texts: &[(&str, bool)]) -> (Vec<String>, Vec<String>) {
        let applied = texts.iter().enumerate().map(|(at, (text, stands))| Applied {
            version: Version(at.to_string()),
            expand: split(text, Dialect::Postgres).unwrap(),
            contract: Vec::new(),
            stands: *stands,
        });
        let found = expected(Dialect::Postgres, applied);
        let list = |map: &BTreeMap<Thing, Origin>| map.keys().map(ToString::to_string).collect();
        (list(&found.there), list(&found.gone))
    }

    #[test]
    fn what_was_applied_is_followed_to_its_end() {
        for (texts, there, gone) in [
            (
                vec![("CREATE TABLE a (x int); CREATE INDEX i ON a (x)", true)],
                vec!["table a", "column a.x", "index i of a"],
                vec![],
            ),
            (
                vec![
                    ("CREATE TABLE a (x int, y int); CREATE INDEX i ON a (x)", true),
                    ("ALTER TABLE a DROP COLUMN x", true),
                ],
                vec!["table a", "column a.y"],
                vec!["column a.x"],
            ),
            (
                vec![
                    ("CREATE TABLE a (x int)", true),
                    ("ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME COLUMN x TO z", true),
                ],
                vec!["table b", "column b.z"],
                vec![],
            ),
            (vec![("CREATE TABLE a (x int)", true), ("DROP TABLE a", true)], vec![], vec!["table a"]),
            // Taken back: it is not to be there. What another one made is.
            (
                vec![("CREATE TABLE a (x int)", true), ("ALTER TABLE a ADD COLUMN y int", false)],
                vec!["table a", "column a.x"],
                vec!["column a.y"],
            ),
            (
                vec![("CREATE TABLE a (x int)", false), ("CREATE TABLE a (x int)", true)],
                vec!["table a", "column a.x"],
                vec![],
            ),
            // What may have been there before proves nothing.
            (vec![("CREATE TABLE IF NOT EXISTS a (x int); DROP TABLE old", true)], vec![], vec![]),
        ] {
            let (mut there, mut gone): (Vec<&str>, Vec<&str>) = (there, gone);
            let (mut found_there, mut found_gone) = words(&texts);
            there.sort_unstable();
            gone.sort_unstable();
            found_there.sort();
            found_gone.sort();
            assert_eq!(
                (found_there, found_gone),
                (
                    there.iter().map(ToString::to_string).collect(),
                    gone.iter().map(ToString::to_string).collect()
                ),
                "{texts:?}"
            );
        }
    }
}
