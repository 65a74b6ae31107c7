//! What SQLite locks and copies for an action: there is one lock for writing, that of the file.

use super::part::Work;
use crate::{
    Action, Blocks, Column,
    LockMode::{FileExclusive, FileWrite},
    Maintenance, Rewrite, Setting, Span, TableLock, Transactional,
};

/// Settings that do nothing, or are refused, within a transaction.
const NOT_WITHIN: [&str; 8] = [
    "foreign_keys",
    "journal_mode",
    "synchronous",
    "locking_mode",
    "auto_vacuum",
    "page_size",
    "temp_store",
    "encoding",
];

pub(super) fn work(action: &Action, touches: &[crate::Name]) -> Work {
    let writing = || Work {
        locks: touches.iter().map(|table| TableLock { table: table.clone(), mode: FileWrite }).collect(),
        ..Work::none().blocking(Blocks::Writes)
    };
    match action {
        Action::AddColumn { column, .. } if checks_rows(column) => writing().spanning(Span::Rows),
        Action::DropColumn { .. } => writing().spanning(Span::Rows).rewriting(Rewrite::Yes),
        Action::CreateIndex(_)
        | Action::Reindex(_)
        | Action::Insert { .. }
        | Action::Update { .. }
        | Action::Delete { .. }
        | Action::DropTable { .. }
        | Action::Maintain { maintenance: Maintenance::Analyze, .. } => writing().spanning(Span::Rows),
        Action::CreateTable(made) if made.from_query => writing().spanning(Span::Rows),
        Action::Maintain { maintenance: Maintenance::VacuumFull, .. } => {
            let work =
                Work::none().blocking(Blocks::ReadsAndWrites).rewriting(Rewrite::Yes).spanning(Span::Rows);
            Work {
                locks: touches
                    .iter()
                    .map(|table| TableLock { table: table.clone(), mode: FileExclusive })
                    .collect(),
                ..work
            }
            .in_transaction(Transactional::No)
        }
        Action::Set(setting) => Work::none().in_transaction(within(setting)),
        Action::Control(_) => Work::none().in_transaction(Transactional::Controls),
        Action::Select { .. } | Action::Maintain { .. } => Work::none(),
        Action::Unknown { .. } | Action::Run { .. } => {
            writing().spanning(Span::Unknown).rewriting(Rewrite::Unknown)
        }
        _ => writing(),
    }
}

fn checks_rows(column: &Column) -> bool {
    column.check || column.not_null || column.generated.is_some()
}

fn within(setting: &Setting) -> Transactional {
    let no = matches!(setting.name.as_str(), "attach" | "detach")
        || (setting.pragma && setting.value.is_some() && NOT_WITHIN.contains(&setting.name.as_str()));
    if no { Transactional::No } else { Transactional::Yes }
}
