//! What PostgreSQL locks, scans and copies for an action (13 to 18, as documented with `ALTER TABLE` and its like).

use super::part::Work;
use crate::{
    Action, Blocks, Column, Constraint, ConstraintKind, CreateIndex, CreateTable, DataType, DefaultValue,
    Generated,
    LockMode::{
        AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share, ShareRowExclusive,
        ShareUpdateExclusive,
    },
    Maintenance, Name, ObjectKind, Reindex, Rewrite, Span, TableChange, Transactional, TypeChange,
};

pub(super) fn work(action: &Action) -> Work {
    match action {
        Action::CreateTable(made) => create_table(made),
        Action::DropTable { tables, .. } | Action::Truncate { tables, .. } => {
            Work::each(tables, AccessExclusive)
        }
        Action::ChangeTable { table, change } => change_table(table, change),
        Action::AddColumn { table, column, .. } => add_column(table, column),
        Action::AlterColumnType { table, data_type, using, .. } => {
            if using.is_none() && may_be_free(data_type) {
                Work::perhaps(table, AccessExclusive)
            } else {
                Work::rewrite(table, AccessExclusive)
            }
        }
        Action::SetNotNull { table, .. } => Work::rows(table, AccessExclusive),
        Action::RenameTable { table, .. }
        | Action::DropColumn { table, .. }
        | Action::RenameColumn { table, .. }
        | Action::DropNotNull { table, .. }
        | Action::SetDefault { table, .. }
        | Action::DropDefault { table, .. }
        | Action::DropConstraint { table, .. } => Work::moment(table, AccessExclusive),
        Action::ModifyColumn { table, .. } => Work::perhaps(table, AccessExclusive),
        Action::AddConstraint { table, constraint } => add_constraint(table, constraint),
        Action::ValidateConstraint { table, .. } => Work::rows(table, ShareUpdateExclusive),
        Action::CreateIndex(index) => create_index(index),
        Action::DropIndex { indexes, concurrently: true, .. } => Work::each(indexes, ShareUpdateExclusive)
            .spanning(Span::Unknown)
            .in_transaction(Transactional::No),
        Action::DropIndex { indexes, .. } => Work::each(indexes, AccessExclusive),
        Action::Reindex(reindex) => self::reindex(reindex),
        Action::AlterIndex { index, .. } => Work::moment(index, ShareUpdateExclusive),
        Action::CreateView { view, or_replace: true, .. } => Work::moment(view, AccessExclusive),
        Action::DropView { views, .. } => Work::each(views, AccessExclusive),
        Action::RefreshView { view, concurrently: true } => {
            Work::rows(view, Exclusive).blocking(Blocks::Nothing).rewriting(Rewrite::Unknown)
        }
        Action::RefreshView { view, .. } => Work::rewrite(view, AccessExclusive),
        Action::CreateTrigger { table: Some(table), .. } => Work::moment(table, ShareRowExclusive),
        Action::DropTrigger { table: Some(table), .. } => Work::moment(table, AccessExclusive),
        Action::AlterType { change, .. } => alter_type(change),
        Action::CreateObject { kind, table, .. } | Action::DropObject { kind, table, .. } => {
            object(*kind, table.as_ref())
        }
        Action::AlterObject { kind: ObjectKind::Server, .. } => {
            Work::none().in_transaction(Transactional::No)
        }
        Action::AlterObject {
            kind: ObjectKind::View | ObjectKind::MaterializedView,
            name: Some(view),
            ..
        } => Work::moment(view, AccessExclusive),
        Action::Comment { on: Some(table) } => Work::moment(table, ShareUpdateExclusive),
        Action::Insert { table, .. } => Work::rows(table, RowExclusive),
        Action::Update { table, .. } | Action::Delete { table, .. } => Work::rows(table, RowExclusive),
        Action::Control(_) => Work::none().in_transaction(Transactional::Controls),
        Action::Lock { tables, mode } => {
            Work::each(tables, lock_mode(mode.as_deref())).spanning(Span::Unknown)
        }
        Action::Maintain { maintenance, tables } => maintain(*maintenance, tables),
        Action::Run { .. } | Action::Unknown { .. } => {
            Work::none().blocking(Blocks::ReadsAndWrites).spanning(Span::Unknown).rewriting(Rewrite::Unknown)
        }
        Action::Select { calls } if !calls.is_empty() => Work::none().spanning(Span::Unknown),
        _ => Work::none(),
    }
}

/// The tables that a new one refers to are locked against writing for a moment.
fn create_table(made: &CreateTable) -> Work {
    let columns = made.columns.iter().filter_map(|column| column.references.as_ref());
    let constraints = made.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => Some(references),
        _ => None,
    });
    let own = |name: &&Name| !name.matches(&made.table, crate::Dialect::Postgres);
    let work = Work::each(columns.chain(constraints).filter(own), ShareRowExclusive);
    match &made.partition_of {
        Some(parent) => work.also(parent, AccessExclusive),
        None => work,
    }
}

fn change_table(table: &Name, change: &TableChange) -> Work {
    match change {
        TableChange::Parameters | TableChange::Statistics | TableChange::ClusterOn => {
            Work::moment(table, ShareUpdateExclusive)
        }
        TableChange::Triggers => Work::moment(table, ShareRowExclusive),
        TableChange::Tablespace
        | TableChange::Logged
        | TableChange::AccessMethod
        | TableChange::Expression { set: true } => Work::rewrite(table, AccessExclusive),
        // The part is scanned, unless a constraint of it says already what belongs into it.
        TableChange::AttachPartition { partition } => {
            let work = Work::moment(table, ShareUpdateExclusive);
            match partition {
                Some(partition) => work.also(partition, AccessExclusive).spanning(Span::Rows),
                None => work.spanning(Span::Unknown),
            }
        }
        TableChange::DetachPartition { partition, concurrently: true, .. } => {
            Work::rows(table, ShareUpdateExclusive)
                .also(partition, AccessExclusive)
                .blocking(Blocks::Nothing)
                .in_transaction(Transactional::No)
        }
        TableChange::DetachPartition { partition, .. } => {
            Work::moment(table, AccessExclusive).also(partition, AccessExclusive)
        }
        TableChange::Unknown { .. } => Work::perhaps(table, AccessExclusive),
        _ => Work::moment(table, AccessExclusive),
    }
}

fn add_column(table: &Name, column: &Column) -> Work {
    let filled = matches!(
        column.default,
        Some(DefaultValue::Constant { .. } | DefaultValue::Volatile { .. } | DefaultValue::Unknown { .. })
    );
    let rewritten = matches!(column.default, Some(DefaultValue::Volatile { .. }))
        || column.generated == Some(Generated::Stored)
        || column.identity
        || column.auto_increment;
    let mut work = if rewritten {
        Work::rewrite(table, AccessExclusive)
    } else if matches!(column.default, Some(DefaultValue::Unknown { .. })) {
        Work::perhaps(table, AccessExclusive)
    } else {
        Work::moment(table, AccessExclusive)
    };
    // An index is built, or every row is checked. A reference is checked only where rows get a value.
    if column.unique || column.primary_key || column.check || (column.references.is_some() && filled) {
        work = work.spanning(Span::Rows);
    }
    match &column.references {
        Some(referred) => work.also(referred, ShareRowExclusive),
        None => work,
    }
}

/// Types to which there is a way from some other type without a copy of the table.
fn may_be_free(data_type: &DataType) -> bool {
    !data_type.array
        && matches!(
            data_type.name.as_str(),
            "text"
                | "varchar"
                | "character varying"
                | "numeric"
                | "decimal"
                | "bit varying"
                | "varbit"
                | "inet"
                | "timestamp"
                | "timestamptz"
                | "timestamp with time zone"
                | "timestamp without time zone"
                | "interval"
                | "time"
                | "citext"
        )
}

fn add_constraint(table: &Name, constraint: &Constraint) -> Work {
    let span = |scans: bool| if scans { Span::Rows } else { Span::Moment };
    match &constraint.kind {
        ConstraintKind::Check { .. } | ConstraintKind::NotNull { .. } => {
            Work::moment(table, AccessExclusive).spanning(span(!constraint.not_valid))
        }
        ConstraintKind::ForeignKey { references, .. } => Work::moment(table, ShareRowExclusive)
            .also(references, ShareRowExclusive)
            .spanning(span(!constraint.not_valid)),
        ConstraintKind::PrimaryKey { .. } if constraint.using_index.is_some() => {
            Work::moment(table, AccessExclusive).spanning(Span::Unknown)
        }
        ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. } => {
            Work::moment(table, AccessExclusive).spanning(span(constraint.using_index.is_none()))
        }
        ConstraintKind::Exclude => Work::rows(table, AccessExclusive),
    }
}

fn create_index(index: &CreateIndex) -> Work {
    if index.concurrently {
        return Work::rows(&index.table, ShareUpdateExclusive).in_transaction(Transactional::No);
    }
    Work::rows(&index.table, Share).spanning(if index.only { Span::Moment } else { Span::Rows })
}

fn reindex(reindex: &Reindex) -> Work {
    let whole = matches!(reindex.what.as_str(), "SCHEMA" | "DATABASE" | "SYSTEM");
    let mut work = match &reindex.name {
        Some(name) if !whole => {
            Work::rows(name, if reindex.concurrently { ShareUpdateExclusive } else { AccessExclusive })
        }
        _ => Work::none().spanning(Span::Rows).blocking(Blocks::ReadsAndWrites),
    };
    if reindex.concurrently {
        work = work.blocking(Blocks::Nothing);
    }
    let alone = whole || reindex.concurrently;
    work.in_transaction(if alone { Transactional::No } else { Transactional::Yes })
}

fn alter_type(change: &TypeChange) -> Work {
    match change {
        // Tables that use a domain are scanned under a lock that keeps writers out.
        TypeChange::AddDomainConstraint { not_valid: false } | TypeChange::SetDomainNotNull => {
            Work::none().blocking(Blocks::Writes).spanning(Span::Rows)
        }
        TypeChange::ValidateDomainConstraint => Work::none().blocking(Blocks::Writes).spanning(Span::Rows),
        TypeChange::Attribute => {
            Work::none().blocking(Blocks::ReadsAndWrites).spanning(Span::Unknown).rewriting(Rewrite::Unknown)
        }
        _ => Work::none(),
    }
}

fn object(kind: ObjectKind, table: Option<&Name>) -> Work {
    match (kind, table) {
        (ObjectKind::Database | ObjectKind::Tablespace | ObjectKind::Subscription, _) => {
            Work::none().in_transaction(Transactional::No)
        }
        (ObjectKind::Policy | ObjectKind::Rule, Some(table)) => Work::moment(table, AccessExclusive),
        (ObjectKind::Statistics, Some(table)) => Work::moment(table, ShareUpdateExclusive),
        _ => Work::none(),
    }
}

fn lock_mode(mode: Option<&str>) -> crate::LockMode {
    match mode.unwrap_or("ACCESS EXCLUSIVE") {
        "ACCESS SHARE" => AccessShare,
        "ROW SHARE" => RowShare,
        "ROW EXCLUSIVE" => RowExclusive,
        "SHARE UPDATE EXCLUSIVE" => ShareUpdateExclusive,
        "SHARE" => Share,
        "SHARE ROW EXCLUSIVE" => ShareRowExclusive,
        "EXCLUSIVE" => Exclusive,
        _ => AccessExclusive,
    }
}

fn maintain(maintenance: Maintenance, tables: &[Name]) -> Work {
    match maintenance {
        Maintenance::Vacuum => {
            Work::each(tables, ShareUpdateExclusive).spanning(Span::Rows).in_transaction(Transactional::No)
        }
        Maintenance::Analyze => Work::each(tables, ShareUpdateExclusive).spanning(Span::Rows),
        Maintenance::VacuumFull | Maintenance::Cluster => {
            let alone = maintenance == Maintenance::VacuumFull || tables.is_empty();
            Work::each(tables, AccessExclusive)
                .blocking(Blocks::ReadsAndWrites)
                .spanning(Span::Rows)
                .rewriting(Rewrite::Yes)
                .in_transaction(if alone { Transactional::No } else { Transactional::Yes })
        }
        Maintenance::Optimize | Maintenance::Other => Work::none(),
    }
}
