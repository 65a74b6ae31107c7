//! What the statements before have made: tables, their columns and indexes, constraints that say something of rows.

use bascule_sql::{
    Action, Column, Constraint, ConstraintKind, CreateIndex, CreateTable, DataType, Dialect, IndexColumn,
    Name,
};

/// A table that was made by a statement of the set.
#[derive(Debug, Clone)]
struct Table {
    name: Name,
    columns: Vec<(String, Option<DataType>)>,
    /// Columns with a constraint of their own, or in one of the table's.
    bound: Vec<String>,
    /// In which migration of the set.
    migration: usize,
}

/// What is known from the statements before.
#[derive(Debug, Default)]
pub(crate) struct History {
    tables: Vec<Table>,
    indexes: Vec<CreateIndex>,
    checks: Vec<(Name, Option<String>, String)>,
    /// Tables that go and come again under the same name in one migration.
    pub(crate) migration: usize,
}

impl History {
    /// Whether the table was made by an earlier statement of the same migration.
    pub(crate) fn made_here(&self, table: &Name, dialect: Dialect) -> bool {
        self.tables.iter().any(|made| made.migration == self.migration && made.name.matches(table, dialect))
    }

    /// Whether the table was made by an earlier statement of the set.
    pub(crate) fn made(&self, table: &Name, dialect: Dialect) -> bool {
        self.tables.iter().any(|made| made.name.matches(table, dialect))
    }

    /// The type of a column, where a statement of the set gave it.
    pub(crate) fn column_type(&self, table: &Name, column: &str, dialect: Dialect) -> Option<&DataType> {
        let made = self.tables.iter().rev().find(|made| made.name.matches(table, dialect))?;
        let known = made.columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(column))?;
        known.1.as_ref()
    }

    /// Whether the set shows a constraint that a column is in.
    pub(crate) fn is_bound(&self, table: &Name, column: &str, dialect: Dialect) -> bool {
        self.tables
            .iter()
            .filter(|made| made.name.matches(table, dialect))
            .any(|made| made.bound.iter().any(|name| name.eq_ignore_ascii_case(column)))
    }

    /// An index of the set by its name.
    pub(crate) fn index(&self, index: &Name) -> Option<&CreateIndex> {
        self.indexes
            .iter()
            .rev()
            .find(|made| made.index.as_ref().is_some_and(|name| name.name.eq_ignore_ascii_case(&index.name)))
    }

    /// An index of the set that goes by a column.
    pub(crate) fn index_on(&self, table: &Name, column: &str, dialect: Dialect) -> Option<&CreateIndex> {
        self.indexes.iter().find(|made| {
            made.table.matches(table, dialect)
                && made.columns.iter().any(
                    |one| matches!(one, IndexColumn::Column { name } if name.eq_ignore_ascii_case(column)),
                )
        })
    }

    /// Whether a `CHECK (column IS NOT NULL)` was added before.
    pub(crate) fn checked_not_null(&self, table: &Name, column: &str, dialect: Dialect) -> bool {
        let wanted = format!("{} is not null", column.to_lowercase());
        self.checks.iter().any(|(name, _, expression)| {
            let said = expression.to_lowercase().replace(['"', '(', ')'], "");
            name.matches(table, dialect) && said.split_whitespace().collect::<Vec<_>>().join(" ") == wanted
        })
    }

    /// Takes in what a statement does.
    pub(crate) fn take(&mut self, actions: &[Action], dialect: Dialect) {
        for action in actions {
            self.action(action, dialect);
        }
    }

    fn action(&mut self, action: &Action, dialect: Dialect) {
        match action {
            Action::CreateTable(made) => {
                let columns = made.columns.iter().map(described).collect();
                self.tables.retain(|table| !table.name.matches(&made.table, dialect));
                self.tables.push(Table {
                    name: made.table.clone(),
                    columns,
                    bound: bound(made),
                    migration: self.migration,
                });
            }
            Action::RenameTable { table, to } => {
                self.each(table, dialect, |made| made.name = to.clone());
                for index in &mut self.indexes {
                    if index.table.matches(table, dialect) {
                        index.table = to.clone();
                    }
                }
            }
            Action::DropTable { tables, .. } => {
                self.tables.retain(|made| !tables.iter().any(|table| made.name.matches(table, dialect)));
                self.indexes.retain(|made| !tables.iter().any(|table| made.table.matches(table, dialect)));
            }
            Action::AddColumn { table, column, .. } => {
                self.each(table, dialect, |made| made.columns.push(described(column)));
            }
            Action::AlterColumnType { table, column, data_type, .. } => {
                self.retype(table, column, Some(data_type), dialect);
            }
            Action::ModifyColumn { table, column, to, .. } => {
                self.retype(table, column, to.data_type.as_ref(), dialect);
            }
            Action::RenameColumn { table, column, to } => self.each(table, dialect, |made| {
                for (name, _) in &mut made.columns {
                    if name == column {
                        name.clone_from(to);
                    }
                }
            }),
            Action::CreateIndex(index) => self.indexes.push(index.clone()),
            Action::DropIndex { indexes, .. } => self.indexes.retain(|made| {
                !indexes.iter().any(|gone| made.index.as_ref().is_some_and(|name| name.name == gone.name))
            }),
            Action::AddConstraint { table, constraint } => self.constraint(table, constraint),
            _ => {}
        }
    }

    fn constraint(&mut self, table: &Name, constraint: &Constraint) {
        if let ConstraintKind::Check { expression } = &constraint.kind {
            self.checks.push((table.clone(), constraint.name.clone(), expression.clone()));
        }
    }

    fn retype(&mut self, table: &Name, column: &str, data_type: Option<&DataType>, dialect: Dialect) {
        self.each(table, dialect, |made| {
            for (name, known) in &mut made.columns {
                if name == column {
                    *known = data_type.cloned();
                }
            }
        });
    }

    fn each(&mut self, table: &Name, dialect: Dialect, change: impl Fn(&mut Table)) {
        self.tables.iter_mut().filter(|made| made.name.matches(table, dialect)).for_each(change);
    }
}

fn bound(made: &CreateTable) -> Vec<String> {
    let own =
        |column: &&Column| column.primary_key || column.unique || column.check || column.references.is_some();
    let mut names: Vec<String> = made.columns.iter().filter(own).map(|column| column.name.clone()).collect();
    for constraint in &made.constraints {
        match &constraint.kind {
            ConstraintKind::ForeignKey { columns, .. }
            | ConstraintKind::Unique { columns }
            | ConstraintKind::PrimaryKey { columns } => names.extend(columns.iter().cloned()),
            _ => {}
        }
    }
    names
}

fn described(column: &Column) -> (String, Option<DataType>) {
    (column.name.clone(), column.data_type.clone())
}
