//! What MySQL 8 and MariaDB (InnoDB) lock and copy for an action, where the statement does not say it itself.

use super::part::Work;
use crate::{
    Action, Blocks, Column, ConstraintKind, CreateIndex, DefaultValue, Generated,
    LockMode::{MetadataBrief, MetadataExclusive, MetadataShared},
    Maintenance, Name, ObjectKind, Reading, Rewrite, Span, TableChange, Transactional,
};

pub(super) fn work(action: &Action, reading: &Reading) -> Work {
    let transactional = transactional(action);
    as_asked(usual(action), reading).in_transaction(transactional)
}

/// Only the description of the table changes.
fn instant(table: &Name) -> Work {
    Work::moment(table, MetadataBrief)
}

/// The table is read or written anew while others go on; they are kept out for a moment at either end.
fn online(table: &Name, rewrite: Rewrite) -> Work {
    Work::rows(table, MetadataBrief).blocking(Blocks::Nothing).rewriting(rewrite)
}

/// The table is copied, and nobody writes meanwhile.
fn copy(table: &Name) -> Work {
    Work::rewrite(table, MetadataShared)
}

fn usual(action: &Action) -> Work {
    match action {
        Action::CreateTable(made) => {
            let columns = made.constraints.iter().filter_map(|constraint| match &constraint.kind {
                ConstraintKind::ForeignKey { references, .. } => Some(references),
                _ => None,
            });
            Work::each(
                columns.filter(|name| !name.matches(&made.table, crate::Dialect::Mysql)),
                MetadataBrief,
            )
        }
        Action::DropTable { temporary: true, .. } => Work::none(),
        Action::DropTable { tables, .. } | Action::Truncate { tables, .. } => {
            Work::each(tables, MetadataBrief)
        }
        Action::ChangeTable { table, change } => change_table(table, change),
        Action::AddColumn { table, column, .. } => add_column(table, column),
        // What a column was is not known: a wider `VARCHAR` may be free, another type is a copy.
        Action::ModifyColumn { table, .. }
        | Action::AlterColumnType { table, .. }
        | Action::SetNotNull { table, .. }
        | Action::DropNotNull { table, .. } => Work::perhaps(table, MetadataShared),
        Action::RenameTable { table, .. }
        | Action::DropColumn { table, .. }
        | Action::RenameColumn { table, .. }
        | Action::SetDefault { table, .. }
        | Action::DropDefault { table, .. } => instant(table),
        Action::AddConstraint { table, constraint } => match &constraint.kind {
            ConstraintKind::Check { .. } | ConstraintKind::NotNull { .. } if constraint.not_valid => {
                instant(table)
            }
            ConstraintKind::ForeignKey { references, .. } => copy(table).also(references, MetadataShared),
            ConstraintKind::Unique { .. } => online(table, Rewrite::No),
            ConstraintKind::PrimaryKey { .. } => online(table, Rewrite::Yes),
            _ => copy(table),
        },
        Action::DropConstraint { table, constraint, .. } if constraint == "PRIMARY" => copy(table),
        Action::DropConstraint { table, .. } => instant(table),
        Action::CreateIndex(index) => create_index(index),
        Action::DropIndex { table, indexes, .. } => match table {
            Some(table) => instant(table),
            None => Work::each(indexes, MetadataBrief),
        },
        Action::CreateTrigger { table: Some(table), .. } => instant(table),
        Action::CreateView { view, or_replace: true, .. } => instant(view),
        Action::DropView { views, .. } => Work::each(views, MetadataBrief),
        Action::Insert { .. } | Action::Update { .. } | Action::Delete { .. } => {
            Work::none().spanning(Span::Rows)
        }
        Action::Lock { tables, mode } => {
            let mode = if mode.as_deref() == Some("READ") { MetadataShared } else { MetadataExclusive };
            Work::each(tables, mode).spanning(Span::Unknown)
        }
        Action::Maintain { maintenance: Maintenance::Optimize, tables } => Work::each(tables, MetadataBrief)
            .blocking(Blocks::Nothing)
            .spanning(Span::Rows)
            .rewriting(Rewrite::Yes),
        Action::Run { .. } | Action::Unknown { .. } => {
            Work::none().blocking(Blocks::ReadsAndWrites).spanning(Span::Unknown).rewriting(Rewrite::Unknown)
        }
        Action::Select { calls } if !calls.is_empty() => Work::none().spanning(Span::Unknown),
        _ => Work::none(),
    }
}

fn add_column(table: &Name, column: &Column) -> Work {
    let copied = column.generated == Some(Generated::Stored)
        || column.auto_increment
        || column.primary_key
        || matches!(column.default, Some(DefaultValue::Volatile { .. }))
        || column.check;
    if copied {
        copy(table)
    } else if column.unique {
        online(table, Rewrite::No)
    } else if matches!(column.default, Some(DefaultValue::Unknown { .. })) {
        Work::perhaps(table, MetadataShared)
    } else {
        instant(table)
    }
}

fn create_index(index: &CreateIndex) -> Work {
    match index.method.as_deref() {
        Some("fulltext" | "spatial") => Work::rows(&index.table, MetadataShared),
        _ => online(&index.table, Rewrite::No),
    }
}

fn change_table(table: &Name, change: &TableChange) -> Work {
    match change {
        TableChange::Rebuild => online(table, Rewrite::Yes),
        TableChange::ConvertCharacterSet | TableChange::OrderBy | TableChange::Repartition => copy(table),
        TableChange::AttachPartition { .. } | TableChange::AlterConstraint => {
            Work::perhaps(table, MetadataShared)
        }
        TableChange::Unknown { .. } => Work::perhaps(table, MetadataExclusive),
        _ => instant(table),
    }
}

/// What the statement asks for itself: the server refuses it rather than doing it in another way.
fn as_asked(work: Work, reading: &Reading) -> Work {
    let mode = |work: Work, mode| Work {
        locks: work.locks.into_iter().map(|lock| crate::TableLock { mode, ..lock }).collect(),
        ..work
    };
    let work = match reading.algorithm.as_deref() {
        Some("INSTANT" | "NOCOPY") => {
            let span = if reading.algorithm.as_deref() == Some("INSTANT") { Span::Moment } else { work.span };
            let blocks = if span == Span::Moment { Blocks::ReadsAndWrites } else { Blocks::Nothing };
            mode(work, MetadataBrief).rewriting(Rewrite::No).spanning(span).blocking(blocks)
        }
        Some("COPY") => {
            mode(work, MetadataShared).rewriting(Rewrite::Yes).spanning(Span::Rows).blocking(Blocks::Writes)
        }
        _ => work,
    };
    match reading.lock.as_deref() {
        Some("NONE") if work.span != Span::Moment => mode(work, MetadataBrief).blocking(Blocks::Nothing),
        Some("SHARED") => mode(work, MetadataShared).blocking(Blocks::Writes),
        Some("EXCLUSIVE") => mode(work, MetadataExclusive).blocking(Blocks::ReadsAndWrites),
        _ => work,
    }
}

/// Every change of the schema ends the transaction that is open.
fn transactional(action: &Action) -> Transactional {
    match action {
        Action::CreateTable(made) if made.temporary => Transactional::Yes,
        Action::DropTable { temporary: true, .. }
        | Action::Insert { .. }
        | Action::Update { .. }
        | Action::Delete { .. }
        | Action::Select { .. }
        | Action::Set(_)
        | Action::Run { .. }
        | Action::Unknown { .. }
        | Action::CreateObject { kind: ObjectKind::Language, .. } => Transactional::Yes,
        Action::Control(_) => Transactional::Controls,
        _ => Transactional::Commits,
    }
}
