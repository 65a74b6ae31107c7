//! What statements make and remove, by name.

use bascule_sql::{Action, Name, TableChange};

/// Something with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    pub kind: Kind,
    /// Its name, or that of its table.
    name: String,
    /// The column, the constraint, the trigger of the table.
    part: Option<String>,
}

/// A kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    Column,
    Index,
    View,
    Function,
    Trigger,
    Type,
    Constraint,
    Default,
    Other,
}

impl Kind {
    /// Whether it holds rows or values, which something new under the same name does not have.
    pub(super) fn holds_rows(self) -> bool {
        matches!(self, Self::Table | Self::Column)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Table => "the table",
            Self::Column => "the column",
            Self::Index => "the index",
            Self::View => "the view",
            Self::Function => "the function",
            Self::Trigger => "the trigger",
            Self::Type => "the type",
            Self::Constraint => "the constraint",
            Self::Default => "the default of",
            Self::Other => "the object",
        }
    }
}

impl Thing {
    /// It in words.
    pub(super) fn words(&self) -> String {
        match &self.part {
            Some(part) => format!("{} `{}.{part}`", self.kind.words(), self.name),
            None => format!("{} `{}`", self.kind.words(), self.name),
        }
    }

    /// Whether it is the table of that name.
    pub(super) fn is_table(&self, name: &Name) -> bool {
        self.kind == Kind::Table && self.name == key(&name.name)
    }
}

/// Schemas are left aside: two names that may mean the same thing are taken to.
fn key(name: &str) -> String {
    name.to_lowercase()
}

fn own(kind: Kind, name: &Name) -> Thing {
    Thing { kind, name: key(&name.name), part: None }
}

fn part(kind: Kind, table: &Name, part: &str) -> Thing {
    Thing { kind, name: key(&table.name), part: Some(key(part)) }
}

/// What an action makes.
pub(super) fn made(action: &Action) -> Vec<Thing> {
    match action {
        Action::CreateTable(create) => vec![own(Kind::Table, &create.table)],
        Action::RenameTable { to, .. } => vec![own(Kind::Table, to)],
        Action::AddColumn { table, column, .. } => vec![part(Kind::Column, table, &column.name)],
        Action::RenameColumn { table, to, .. } => vec![part(Kind::Column, table, to)],
        Action::AddConstraint { table, constraint } => {
            constraint.name.iter().map(|name| part(Kind::Constraint, table, name)).collect()
        }
        Action::SetDefault { table, column, .. } => vec![part(Kind::Default, table, column)],
        Action::CreateIndex(index) => index.index.iter().map(|name| own(Kind::Index, name)).collect(),
        Action::CreateView { view, .. } => vec![own(Kind::View, view)],
        Action::CreateFunction { function, .. } => vec![own(Kind::Function, function)],
        Action::CreateTrigger { trigger, .. } => vec![own(Kind::Trigger, trigger)],
        Action::CreateType { name, .. } => vec![own(Kind::Type, name)],
        Action::CreateObject { name, .. } => name.iter().map(|name| own(Kind::Other, name)).collect(),
        _ => vec![],
    }
}

/// What an action removes.
pub(super) fn removed(action: &Action) -> Vec<Thing> {
    match action {
        Action::DropTable { tables, .. } => tables.iter().map(|table| own(Kind::Table, table)).collect(),
        Action::DropColumn { table, column, .. } => vec![part(Kind::Column, table, column)],
        Action::DropConstraint { table, constraint, .. } => vec![part(Kind::Constraint, table, constraint)],
        Action::DropDefault { table, column } => vec![part(Kind::Default, table, column)],
        Action::DropIndex { indexes, .. } => indexes.iter().map(|index| own(Kind::Index, index)).collect(),
        Action::DropView { views, .. } => views.iter().map(|view| own(Kind::View, view)).collect(),
        Action::DropFunction { functions, .. } => {
            functions.iter().map(|function| own(Kind::Function, function)).collect()
        }
        Action::DropTrigger { trigger, .. } => vec![own(Kind::Trigger, trigger)],
        Action::DropType { names, .. } => names.iter().map(|name| own(Kind::Type, name)).collect(),
        Action::DropObject { names, .. } => names.iter().map(|name| own(Kind::Other, name)).collect(),
        Action::ChangeTable { change: TableChange::DetachPartition { partition, .. }, .. } => {
            vec![own(Kind::Table, partition)]
        }
        _ => vec![],
    }
}
