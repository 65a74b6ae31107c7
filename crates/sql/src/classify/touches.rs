//! The tables that an action makes, changes or drops.

use crate::{Action, Name};

pub(super) fn touches(action: &Action) -> Vec<Name> {
    match action {
        Action::CreateTable(made) => vec![made.table.clone()],
        Action::DropTable { tables, .. }
        | Action::Truncate { tables, .. }
        | Action::Lock { tables, .. }
        | Action::Maintain { tables, .. } => tables.clone(),
        Action::RenameTable { table, to } => vec![table.clone(), to.clone()],
        Action::ChangeTable { table, .. }
        | Action::AddColumn { table, .. }
        | Action::DropColumn { table, .. }
        | Action::RenameColumn { table, .. }
        | Action::AlterColumnType { table, .. }
        | Action::ModifyColumn { table, .. }
        | Action::SetNotNull { table, .. }
        | Action::DropNotNull { table, .. }
        | Action::SetDefault { table, .. }
        | Action::DropDefault { table, .. }
        | Action::AddConstraint { table, .. }
        | Action::ValidateConstraint { table, .. }
        | Action::DropConstraint { table, .. }
        | Action::Insert { table, .. }
        | Action::Update { table, .. }
        | Action::Delete { table, .. } => vec![table.clone()],
        Action::CreateIndex(index) => vec![index.table.clone()],
        Action::DropIndex { table, .. }
        | Action::CreateTrigger { table, .. }
        | Action::DropTrigger { table, .. }
        | Action::CreateObject { table, .. }
        | Action::DropObject { table, .. } => table.iter().cloned().collect(),
        Action::Comment { on } => on.iter().cloned().collect(),
        Action::Grant { on } | Action::Revoke { on } => on.clone(),
        Action::Reindex(reindex) if reindex.what != "INDEX" => reindex.name.iter().cloned().collect(),
        _ => Vec::new(),
    }
}
